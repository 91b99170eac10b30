# The same app, which does not ask for the network.
.class public Lorg/example/shop/Api;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public load()V
    .registers 3
    new-instance v0, Ljava/net/URL;
    const-string v1, "http://api.shop.example.net/v1/orders"
    invoke-direct {v0, v1}, Ljava/net/URL;-><init>(Ljava/lang/String;)V
    invoke-virtual {v0}, Ljava/net/URL;->openConnection()Ljava/net/URLConnection;
    return-void
.end method
