# A local page reads everything.
.class public Lorg/example/shop/Setup;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public set(Landroid/webkit/WebSettings;)V
    .registers 4
    const/4 v0, 0x1
    invoke-virtual {p1, v0}, Landroid/webkit/WebSettings;->setAllowUniversalAccessFromFileURLs(Z)V
    return-void
.end method
