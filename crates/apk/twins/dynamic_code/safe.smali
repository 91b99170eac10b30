# From the app's own folder.
.class public Lorg/example/shop/Load;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public load(Landroid/content/Context;Ljava/lang/ClassLoader;)V
    .registers 9
    invoke-virtual {p1}, Landroid/content/Context;->getFilesDir()Ljava/io/File;
    move-result-object v0
    invoke-virtual {v0}, Ljava/io/File;->getPath()Ljava/lang/String;
    move-result-object v0
    new-instance v1, Ldalvik/system/DexClassLoader;
    const/4 v2, 0x0
    invoke-direct {v1, v0, v2, v2, p2}, Ldalvik/system/DexClassLoader;-><init>(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;Ljava/lang/ClassLoader;)V
    return-void
.end method
