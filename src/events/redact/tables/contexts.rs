//! Formats of secrets: secrets known by what stands around them.
use super::super::formats::{Check, Format};

/// # Source
/// The shapes that the issuers document and public secret scanners know; the expressions are ours.
pub(super) const TABLE: &[Format] = &[
    Format::new(
        "url-password",
        &["://"],
        r#"://[^\s/@:'"<>?#]{0,128}:([^\s/'"<>?#]{1,256})@[A-Za-z0-9\[{$%*_]"#,
        &["postgres://u:{a12}@db/x", "redis://:{a16}@h:1", "https://me:p@ss{a9}@x.io"],
        &["https://x.io:8080/a@b", "https://u:$PW@x", "git@github.com:a/b", "http://h:80?x=a@b"],
    )
    .check(Check::Value),
    Format::new(
        "url-token",
        &["://"],
        r"://([A-Za-z0-9_-]{20,})@[A-Za-z0-9]",
        &["https://{h40}@x.io/a.git"],
        &["https://user@x.io", "ssh://git@github.com"],
    )
    .check(Check::Strong),
    Format::new(
        "authorization",
        &["authorization"],
        concat!(
            r#"(?i:authorization)["'\\]{0,3}\s{0,2}[:=,]\s{0,2}["'\\]{0,3}(?:(?i:bearer|basic"#,
            r"|token|bot|apikey|api-key|key|ssws|splunk|geniekey|aws4-hmac-sha256|negotiate|",
            r#"digest)[ =]{1,2})?([^\s"'\\,]{8,})"#,
        ),
        &[
            "-H 'Authorization: Bearer {a40}'",
            "Authorization: Basic {b40}=",
            "\"Authorization\": \"token {a20}\"",
            "Proxy-Authorization: Basic {b24}",
        ],
        &[
            "Authorization: Bearer $TOKEN",
            "Authorization: Bearer ${X}",
            "Authorization: Bearer <token>",
            "authorization: enabled",
        ],
    )
    .check(Check::Strong),
    Format::new(
        "authorization",
        &["bearer "],
        r"(?i:bearer)\s+([A-Za-z0-9._~+/=-]{16,})",
        &["Bearer {a40}"],
        &["bearer $TOKEN", "bearer of bad news today"],
    )
    .check(Check::Strong),
    Format::new(
        "cookie",
        &["cookie:"],
        r#"(?i:cookie):\s{0,2}((?:[^\s"';=]+=[^\s"';]+;? ?)+)"#,
        &["-H 'Cookie: sid={a32}; x=1'"],
        &["Cookie: $C", "cookie: yes"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["curl", "wget", "http ", "xh "],
        concat!(
            r"(?i:curl|wget|http|xh)\b[^|;\n]*?\s(?:-u|--user|--proxy-user|-U|-a|--au",
            r#"th)[ =]?["']?[^\s:'"$]{0,128}:([^\s'"]{1,256})"#,
        ),
        &["curl -s -u me:{a12} https://x", "curl --user me:{a9} x", "wget --user me:{a9} x"],
        &["curl -u $U:$P x", "curl https://x:80/a"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["mysql", "mariadb"],
        r#"(?:mysql|mariadb)[a-z_-]{0,10}\b[^|;\n]*?\s-p["']?([^\s'"-][^\s'"]{1,200})"#,
        &["mysql -u root -p{a10} db", "mysqldump -h x -p{a10} db"],
        &["mysql -u root -p", "mysql -h x -P 3306"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["mysql", "mariadb"],
        r#"(?:mysql|mariadb)[a-z_-]{0,10}\b[^|;\n]*?\s-p\s["']?([^\s'"-][^\s'"]{5,200})"#,
        &["mysql -u root -p {a10} db"],
        &["mysql -u root -p mydatabase"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["sshpass"],
        r#"sshpass\s+(?:-[vV]\s+)?-p\s{0,2}["']?([^\s'"]{1,200})"#,
        &["sshpass -p {a10} ssh x", "sshpass -p{a10} ssh x"],
        &["sshpass -f file ssh x", "sshpass -p $P ssh x"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &[" login"],
        r#"\slogin\b[^|;\n]*?\s-p\s{0,2}["']?([^\s'"-][^\s'"]{2,400})"#,
        &["docker login -u me -p {a12} r.io"],
        &["docker login --password-stdin", "az login -p $P"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["redis-cli"],
        r#"redis-cli\b[^|;\n]*?\s-a\s{0,2}["']?([^\s'"]{2,256})"#,
        &["redis-cli -h x -a {a12} ping"],
        &["redis-cli -a $P ping"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["mongo"],
        r#"mongo[a-z]{0,8}\b[^|;\n]*?\s-p\s{0,2}["']?([^\s'"-][^\s'"]{2,256})"#,
        &["mongosh -u a -p {a12} x"],
        &["mongosh --port 27017"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["ldap"],
        r#"ldap[a-z]{3,9}\b[^|;\n]*?\s-w\s{0,2}["']?([^\s'"-][^\s'"]{2,256})"#,
        &["ldapsearch -x -D cn=a -w {a12} -b x"],
        &["ldapsearch -x -W"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["sqlcmd", "osql", "bcp "],
        r#"(?:sqlcmd|osql|bcp)\b[^|;\n]*?\s-P\s{0,2}["']?([^\s'"]{3,256})"#,
        &["sqlcmd -S h -U sa -P {a12} -Q x"],
        &["sqlcmd -P $P"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["zip "],
        r#"zip\s[^|;\n]*?\s-P\s{0,2}["']?([^\s'"-][^\s'"]{2,256})"#,
        &["zip -r -P {a12} x y"],
        &["zip -r x y", "find /zip -print0"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["7z ", "7za ", "rar "],
        r#"(?:7za?|rar)\s[^|;\n]*?\s-h?p["']?([^\s'"-][^\s'"]{2,256})"#,
        &["7z a -p{a12} x y"],
        &["7z x y", "find /7z -print"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["pass:"],
        r#"pass:([^\s'"]{3,256})"#,
        &["openssl enc -aes-256-cbc -pass pass:{a12} -in x"],
        &["pass:$P", "pass: yes"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["smbclient"],
        r#"smbclient\b[^|;\n]*?\s-U\s{0,2}["']?[^\s%'"]{1,64}%([^\s'"]{2,256})"#,
        &["smbclient //h/s -U me%{a12}"],
        &["smbclient -U me //h/s"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["htpasswd"],
        concat!(
            r#"htpasswd +-[A-Za-z]{0,6}b[A-Za-z]{0,6} +[^\s]{1,200} +[^\s]{1,100} +["']?([^\s"#,
            r#"'"]{3,256})"#,
        ),
        &["htpasswd -bc f me {a12}"],
        &["htpasswd -c f me"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["htpasswd"],
        r#"htpasswd +-[A-Za-z]{0,6}(?:nb|bn)[A-Za-z]{0,6} +[^\s]{1,100} +["']?([^\s'"]{3,256})"#,
        &["htpasswd -nb me {a12}"],
        &["htpasswd -n me"],
    )
    .check(Check::Value),
    Format::new(
        "vault-token",
        &["vault login"],
        r#"vault login\s+(?:-[^\s]+\s+)*["']?([A-Za-z0-9._-]{16,200})"#,
        &["vault login {a26}"],
        &["vault login -method=oidc"],
    )
    .check(Check::Strong),
    Format::new(
        "npm-token",
        &["_authtoken"],
        r#"_authToken[=\s]\s{0,2}["']?([A-Za-z0-9_./+=-]{12,300})"#,
        &["//registry.npmjs.org/:_authToken={a36}", "npm config set //r/:_authToken {a36}"],
        &["_authToken=${NPM_TOKEN}"],
    )
    .check(Check::Strong),
    Format::new(
        "aws-secret-key",
        &["aws_secret_access_key", "secretaccesskey", "aws_session_token"],
        concat!(
            r#"(?i:aws_secret_access_key|secretaccesskey|aws_session_token)["'\\]{0,3}\s{0,2}"#,
            r#"[:=\s]\s{0,2}["'\\]{0,3}([A-Za-z0-9+/=]{20,})"#,
        ),
        &[
            "aws configure set aws_secret_access_key {b40}",
            "AWS_SECRET_ACCESS_KEY={b40}",
            "\"SecretAccessKey\": \"{b40}\"",
        ],
        &["aws_secret_access_key = $X"],
    )
    .check(Check::Strong),
    Format::new(
        "secret",
        &["--from-literal"],
        r#"--from-literal[= ]["']?[A-Za-z0-9_.-]{1,128}=([^\s'"]{4,})"#,
        &["kubectl create secret generic x --from-literal=k={a16}"],
        &["--from-literal=k=$V"],
    )
    .check(Check::Strong),
    Format::new(
        "secret",
        &["gh secret set"],
        r#"gh secret set\s+[A-Za-z0-9_]+\s+(?:-b|--body)[ =]["']?([^\s'"]{4,})"#,
        &["gh secret set X --body {a16}"],
        &["gh secret set X --body $V"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["mosquitto_"],
        r#"mosquitto_(?:pub|sub|rr)\b[^|;\n]*?\s-P\s{0,2}["']?([^\s'"-][^\s'"]{2,256})"#,
        &["mosquitto_pub -u a -P {a12} -t x"],
        &["mosquitto_pub -t x -m -P"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["login "],
        r#"login\s+[^\s]{1,128}\s+password\s+["']?([^\s'"]{3,256})"#,
        &["machine x login me password {a12}"],
        &["login me password $P", "login page password reset"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["ssh-keygen"],
        r#"ssh-keygen\b[^|;\n]*?\s-[NP]\s["']?([^\s'"]{3,256})"#,
        &["ssh-keygen -t ed25519 -N {a12} -f x"],
        &["ssh-keygen -t ed25519 -N '' -f x"],
    )
    .check(Check::Value),
    Format::new(
        "password",
        &["echo ", "printf "],
        concat!(
            r#"(?:echo|printf)\s+(?:-[ne]+\s+)?["']?([^\s'"|]{4,128}?)(?:\\n)?["']?\s*\|\s*(?"#,
            r":sudo\s+(?:-[A-RT-Za-z]+\s+)*-S|passwd\s+--stdin|cryptsetup|kinit|docker login",
            r"|gh auth login|npm login)\b",
        ),
        &["echo {a12} | sudo -S apt update", "echo \"{a12}\" | passwd --stdin x"],
        &["echo $PW | sudo -S ls", "echo hello | cat"],
    )
    .check(Check::Strong),
    Format::new(
        "password",
        &["echo ", "printf "],
        concat!(
            r#"(?:echo|printf)\s+(?:-[ne]+\s+)?["']?[A-Za-z_][A-Za-z0-9_-]*:([^\s'"|]{3,128})"#,
            r#"["']?\s*\|\s*(?:sudo\s+)?chpasswd\b"#,
        ),
        &["echo 'bob:{a12}' | chpasswd"],
        &["echo \"$U:$P\" | chpasswd"],
    )
    .check(Check::Value),
    Format::new(
        "secret",
        &["mc alias set"],
        r#"mc alias set\s+\S+\s+\S+\s+\S+\s+["']?([^\s'"]{8,256})"#,
        &["mc alias set x https://y me {a20}"],
        &["mc alias set x https://y $A $B"],
    )
    .check(Check::Strong),
    Format::new(
        "account-credentials",
        &["identified by"],
        r#"(?i:identified by)\s+(?i:password\s+)?["'\\]{0,5}([^'"\\\s]{3,256})"#,
        &["CREATE USER x IDENTIFIED BY '{a12}'", "IDENTIFIED BY {a12}"],
        &["IDENTIFIED BY '$PW'", "identified by name"],
    )
    .check(Check::Strong),
    Format::new(
        "account-credentials",
        &["with password"],
        r#"(?i:with (?:encrypted )?password)\s+["'\\]{0,5}([^'"\\\s;]{3,256})"#,
        &["ALTER USER x WITH PASSWORD {a12};", "with password \"{a12}\""],
        &["WITH PASSWORD '$P'", "sign in with password authentication"],
    )
    .check(Check::Strong),
    Format::new(
        "account-credentials",
        &["password '"],
        r"(?i:password) '([^'\s]{3,256})\'",
        &["ALTER USER x WITH PASSWORD '{a12}'"],
        &["password 'x'", "WITH PASSWORD '$P'"],
    )
    .check(Check::Value),
];
