# Parts may come unencrypted.
.class public Lorg/example/shop/Setup;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public set(Landroid/webkit/WebSettings;)V
    .registers 4
    const/4 v0, 0x0
    invoke-virtual {p1, v0}, Landroid/webkit/WebSettings;->setMixedContentMode(I)V
    return-void
.end method
