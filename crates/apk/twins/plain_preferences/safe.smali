# A token in encrypted preferences.
.class public Lorg/example/shop/Login;
.super Ljava/lang/Object;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Ljava/lang/Object;-><init>()V
    return-void
.end method

.method public keep(Landroid/content/SharedPreferences;Ljava/lang/String;)V
    .registers 5
    const-string v0, "login"
invoke-static {v0}, Landroidx/security/crypto/EncryptedSharedPreferences;->create(Ljava/lang/String;)Landroid/content/SharedPreferences;
move-result-object v0
invoke-interface {v0}, Landroid/content/SharedPreferences;->edit()Landroid/content/SharedPreferences$Editor;
move-result-object v0
    const-string v1, "access_token"
    invoke-interface {v0, v1, p2}, Landroid/content/SharedPreferences$Editor;->putString(Ljava/lang/String;Ljava/lang/String;)Landroid/content/SharedPreferences$Editor;
    move-result-object v0
    invoke-interface {v0}, Landroid/content/SharedPreferences$Editor;->apply()V
    return-void
.end method
