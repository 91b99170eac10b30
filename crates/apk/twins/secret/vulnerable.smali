# A bearer token of the program's own.
.class public Lorg/example/shop/Pay;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public ask(Ljava/net/HttpURLConnection;Ljava/lang/String;)V
    .registers 4
    const-string v0, "Authorization"
    const-string v1, "Bearer 8fK2mQ9xLw3Zp7Rt1Vb6"
invoke-virtual {p1, v0, v1}, Ljava/net/HttpURLConnection;->setRequestProperty(Ljava/lang/String;Ljava/lang/String;)V
    return-void
.end method
