# Where the person is, on the clipboard.
.class public Lorg/example/shop/Copy;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public copy(Ljava/lang/String;Landroid/location/LocationManager;)V
    .registers 6
    const-string v0, "gps"
    invoke-virtual {p2, v0}, Landroid/location/LocationManager;->getLastKnownLocation(Ljava/lang/String;)Landroid/location/Location;
    move-result-object v0
    invoke-virtual {v0}, Landroid/location/Location;->toString()Ljava/lang/String;
    move-result-object v0
    const-string v1, "copied"
    invoke-static {v1, v0}, Landroid/content/ClipData;->newPlainText(Ljava/lang/CharSequence;Ljava/lang/CharSequence;)Landroid/content/ClipData;
    return-void
.end method
