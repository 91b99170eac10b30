# Always the same vector.
.class public Lorg/example/shop/Box;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public start()Ljavax/crypto/spec/IvParameterSpec;
    .registers 4
    const/16 v0, 0x10
    new-array v0, v0, [B
    fill-array-data v0, :data
    new-instance v1, Ljavax/crypto/spec/IvParameterSpec;
    invoke-direct {v1, v0}, Ljavax/crypto/spec/IvParameterSpec;-><init>([B)V
    return-object v1
    :data
.array-data 1
0x1t 0x2t 0x3t 0x4t 0x5t 0x6t 0x7t 0x8t 0x9t 0xat 0xbt 0xct 0xdt 0xet 0xft 0x10t
.end array-data
.end method
