# Whoever calls the app chooses the page.
.class public Lorg/example/shop/Page;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public open(Landroid/webkit/WebView;Landroid/content/Intent;)V
    .registers 4
    invoke-virtual {p2}, Landroid/content/Intent;->getDataString()Ljava/lang/String;
    move-result-object v0
    invoke-virtual {p1, v0}, Landroid/webkit/WebView;->loadUrl(Ljava/lang/String;)V
    return-void
.end method
