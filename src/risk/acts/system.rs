//! Acts on the machine: rights of other accounts, code that runs later, programs that stop.
use super::{
    Act,
    GuardClass::{Disruption, Persistence, Privilege},
    form::{any_word, form, is, long, operand, short},
};

/// Files that run at every login or start, or let others in.
const STARTUP: &[&str] = &[
    "*/.bashrc",
    "*/.zshrc",
    "*/.profile",
    "*/.bash_profile",
    "*/.zprofile",
    "*/.zshenv",
    "/etc/profile*",
    "/etc/cron*",
    "/var/spool/cron/*",
    "/etc/systemd/*",
    "*/.config/systemd/user/*",
    "/etc/init.d/*",
    "/etc/rc.local",
    "*/.config/autostart/*",
    "*/LaunchAgents/*",
    "*/LaunchDaemons/*",
    "*/.ssh/authorized_keys",
    "/etc/ld.so.preload",
    "/etc/sudoers*",
    "/etc/passwd",
];

pub(super) fn acts() -> Vec<Act> {
    vec![
        Act::new(
            "privilege.shell",
            "become another account",
            Privilege,
            "sudo(8), su(1), pkexec(1)",
        )
        .by(form(&["su", "pkexec", "runuser", "machinectl", "nsenter"]))
        .by(form(&["sudo"])
            .flags("AbEHnPSis")
            .valued("CDghpRrTtUu", &["user", "group", "host", "prompt", "chdir"])
            .with(&[short("is"), long("login"), long("shell")]))
        .examples(
            &["su", "su - root", "sudo -i", "sudo -s", "pkexec bash"],
            &["sudo -l", "sudo", "sum x", "sudoedit x"],
        ),
        Act::new(
            "privilege.accounts",
            "change accounts, groups and passwords",
            Privilege,
            "useradd(8), usermod(8), passwd(1), sudoers(5)",
        )
        .by(form(&[
            "useradd", "adduser", "usermod", "userdel", "deluser", "groupadd", "groupmod",
            "gpasswd", "passwd", "chpasswd", "newusers", "visudo", "vipw", "vigr",
        ]))
        .examples(
            &["useradd -o -u 0 x", "usermod -aG sudo x", "passwd root", "visudo"],
            &["cat passwd", "id", "groups x"],
        ),
        Act::new(
            "privilege.modes",
            "let programs run as their owner",
            Privilege,
            "chmod(1), setcap(8)",
        )
        .by(form(&["chmod"]).with(&[operand(&[
            "*+s", "*+s,*", "*+xs", "*+sx", "*=s", "*=xs", "*=rxs", "*=rwxs", "4755", "4777",
            "4711", "4750", "4555", "04755", "6755", "6777", "2755", "2777",
        ])]))
        .by(form(&["setcap"]).with(&[operand(&["*cap_*"])]))
        .examples(
            &["chmod u+s x", "chmod -v 4755 x", "chmod -- +s x", "setcap cap_setuid+ep x"],
            &["chmod +x x", "chmod 755 x", "setcap -r x", "chmod u+x s"],
        ),
        Act::new(
            "persistence.schedule",
            "have code run later or at every start",
            Persistence,
            "crontab(1), at(1), systemctl(1), launchctl(1)",
        )
        .by(form(&["crontab"]))
        .by(form(&["at", "batch"]))
        .by(form(&["systemctl"])
            .below(&["enable", "link", "reenable", "preset", "edit", "set-default"])
            .globals(&["-H", "-M", "--host", "--machine", "--root"]))
        .by(form(&["systemd-run"]))
        .by(form(&["launchctl"]).below(&["load", "bootstrap", "submit", "enable"]))
        .by(form(&["update-rc.d", "chkconfig"]).with(&[operand(&["*"])]))
        .examples(
            &[
                "crontab x",
                "crontab -u bob -",
                "crontab -e",
                "at now",
                "systemctl --user enable x",
                "systemctl enable --now x",
                "launchctl load x.plist",
            ],
            &[
                "cron x",
                "ls crontab",
                "cat at",
                "systemctl status x",
                "systemctl --user is-enabled x",
                "launchctl list",
            ],
        ),
        Act::new(
            "persistence.startup-files",
            "write files that run at every start or let others in",
            Persistence,
            "bash(1), systemd.unit(5), sshd(8)",
        )
        .by(form(&["tee", "cp", "mv", "ln"]).with(&[operand(STARTUP)]))
        .by(form(&["sed"])
            .with(&[is(&["-i*", "--in-place*", "-ni*", "-Ei*", "-ri*", "-si*", "-zi*"])])
            .with(&[operand(STARTUP)]))
        .examples(
            &[
                "tee -a '~/.bashrc'",
                "tee /home/x/.ssh/authorized_keys",
                "cp x /etc/cron.d/y",
                "sed -i s/a/b/ /home/x/.zshrc",
                "mv -f x.plist /Users/x/Library/LaunchAgents/x.plist",
            ],
            &["tee notes.md", "cp a.profile b", "sed -n 1p x"],
        ),
        Act::new(
            "system.stop",
            "stop the machine or all programs",
            Disruption,
            "shutdown(8), systemctl(1), kill(1)",
        )
        .by(form(&["shutdown", "reboot", "halt", "poweroff"]))
        .by(form(&["systemctl"]).below(&[
            "poweroff",
            "reboot",
            "halt",
            "kexec",
            "suspend",
            "hibernate",
            "isolate",
        ]))
        .by(form(&["init", "telinit"]).with(&[operand(&["0", "6"])]))
        .by(form(&["kill"])
            .with(&[any_word(&["-1"], &[])])
            .with(&[any_word(&["-9", "-KILL", "-SIGKILL", "-TERM", "-15"], &[])]))
        .examples(
            &["shutdown -h now", "reboot", "systemctl --force reboot", "init 0", "kill -9 -1"],
            &["ls reboot", "systemctl restart x", "kill -9 123", "init 3"],
        ),
    ]
}
