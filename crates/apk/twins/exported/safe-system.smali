# A process that may do nothing, and a receiver of what only the system sends.
.class public Lorg/example/shop/Main;
.super Landroid/app/Activity;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/app/Activity;-><init>()V
    return-void
.end method
