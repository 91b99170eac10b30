# The same after a shrinker renamed it, and with the body of it in another class.
.class public Lorg/example/shop/Trust;
.super Ljava/lang/Object;
.implements Ljavax/net/ssl/X509TrustManager;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public checkClientTrusted([Ljava/security/cert/X509Certificate;Ljava/lang/String;)V
    .registers 3
    return-void
.end method

.method public getAcceptedIssuers()[Ljava/security/cert/X509Certificate;
    .registers 2
    const/4 v0, 0x0
    return-object v0
.end method

.method public checkServerTrusted([Ljava/security/cert/X509Certificate;Ljava/lang/String;)V
    .registers 4
    const-string v0, "chain"
    invoke-static {p1, v0}, La/b/C;->a(Ljava/lang/Object;Ljava/lang/String;)V
    invoke-static {p1, p2}, Lorg/example/shop/Net;->lambda$open$0([Ljava/security/cert/X509Certificate;Ljava/lang/String;)V
    return-void
.end method

.class public Lorg/example/shop/Net;
.super Ljava/lang/Object;

.method public static lambda$open$0([Ljava/security/cert/X509Certificate;Ljava/lang/String;)V
    .registers 4
    const-string v0, "Net"
    invoke-static {v0, p1}, Landroid/util/Log;->d(Ljava/lang/String;Ljava/lang/String;)I
    return-void
.end method
