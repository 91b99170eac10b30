# What was meant for debugging holds, as the release can be debugged.
.class public Lorg/example/shop/Main;
.super Landroid/app/Activity;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/app/Activity;-><init>()V
    return-void
.end method
