# A vector that is drawn.
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
    new-instance v2, Ljava/security/SecureRandom;
invoke-direct {v2}, Ljava/security/SecureRandom;-><init>()V
invoke-virtual {v2, v0}, Ljava/security/SecureRandom;->nextBytes([B)V
    new-instance v1, Ljavax/crypto/spec/IvParameterSpec;
    invoke-direct {v1, v0}, Ljavax/crypto/spec/IvParameterSpec;-><init>([B)V
    return-object v1
    
.end method
