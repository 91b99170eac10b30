# A password on the clipboard.
.class public Lorg/example/shop/Share;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public copy(Lorg/example/shop/User;)V
    .registers 4
    invoke-virtual {p1}, Lorg/example/shop/User;->getPassword()Ljava/lang/String;
    move-result-object v0
    const-string v1, "copied"
    invoke-static {v1, v0}, Landroid/content/ClipData;->newPlainText(Ljava/lang/CharSequence;Ljava/lang/CharSequence;)Landroid/content/ClipData;
    return-void
.end method
