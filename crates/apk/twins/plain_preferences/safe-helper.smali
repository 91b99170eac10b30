# The same helpers, and nothing that lets anybody in.
.class public Lorg/example/shop/Session;
.super Ljava/lang/Object;

.field private editor:Landroid/content/SharedPreferences$Editor;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public keep(Ljava/lang/String;Ljava/lang/String;)V
    .registers 4
    const-string v0, "theme"
    invoke-direct {p0, v0, p1}, Lorg/example/shop/Session;->a(Ljava/lang/String;Ljava/lang/String;)V
    const-string v0, "language"
    invoke-direct {p0, v0, p2}, Lorg/example/shop/Session;->a(Ljava/lang/String;Ljava/lang/String;)V
    return-void
.end method

.method private a(Ljava/lang/String;Ljava/lang/String;)V
    .registers 3
    invoke-virtual {p2}, Ljava/lang/String;->trim()Ljava/lang/String;
    move-result-object p2
    invoke-direct {p0, p2, p1}, Lorg/example/shop/Session;->b(Ljava/lang/String;Ljava/lang/String;)V
    return-void
.end method

.method private b(Ljava/lang/String;Ljava/lang/String;)V
    .registers 4
    iget-object v0, p0, Lorg/example/shop/Session;->editor:Landroid/content/SharedPreferences$Editor;
    invoke-interface {v0, p2, p1}, Landroid/content/SharedPreferences$Editor;->putString(Ljava/lang/String;Ljava/lang/String;)Landroid/content/SharedPreferences$Editor;
    move-result-object v0
    invoke-interface {v0}, Landroid/content/SharedPreferences$Editor;->apply()V
    return-void
.end method
