# Permissions that are none: every app gets the one, and nobody made the other.
.class public Lorg/example/shop/Main;
.super Landroid/app/Activity;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/app/Activity;-><init>()V
    return-void
.end method
