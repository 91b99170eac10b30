# Another name for an activity, which does not ask what the app asks elsewhere.
.class public Lorg/example/shop/Main;
.super Landroid/app/Activity;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/app/Activity;-><init>()V
    return-void
.end method
