# Goes on where there is a handler, as Kotlin writes `handler?.proceed()`.
.class public Lorg/example/shop/Pages;
.super Landroid/webkit/WebViewClient;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/webkit/WebViewClient;-><init>()V
    return-void
.end method

.method public onReceivedSslError(Landroid/webkit/WebView;Landroid/webkit/SslErrorHandler;Landroid/net/http/SslError;)V
    .registers 4
    if-eqz p2, :none
    invoke-virtual {p2}, Landroid/webkit/SslErrorHandler;->proceed()V
    :none
    return-void
.end method
