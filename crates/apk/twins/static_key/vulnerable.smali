# The key is a constant that a helper of the class makes a key of.
.class public Lorg/example/shop/Vault;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method private key([B)Ljavax/crypto/SecretKey;
    .registers 4
    new-instance v0, Ljavax/crypto/spec/SecretKeySpec;
    const-string v1, "AES"
    invoke-direct {v0, p1, v1}, Ljavax/crypto/spec/SecretKeySpec;-><init>([BLjava/lang/String;)V
    return-object v0
.end method

.method public open()Ljavax/crypto/SecretKey;
    .registers 3
    const-string v0, "0123456789abcdef"
    invoke-virtual {v0}, Ljava/lang/String;->getBytes()[B
    move-result-object v0
    invoke-direct {p0, v0}, Lorg/example/shop/Vault;->key([B)Ljavax/crypto/SecretKey;
    move-result-object v0
    return-object v0
.end method
