
Ömanifest"packageexample.tonal.app"versionCode94"versionName0.9.4*8
6uses-sdk"minSdkVersion9"targetSdkVersion19*8
6uses-permission"#nameandroid.permission.INTERNET*
application