//! Acts on files and disks: deletion outside the workspace, and of what holds file systems.
use super::{
    Act,
    GuardClass::Deletion,
    form::{cut, form, is, operand, short},
};

/// Folders of the system and whole homes; a workspace lies deeper, temporary files elsewhere.
const OUTSIDE: &[&str] = &[
    "/",
    "/\\*",
    "/bin*",
    "/boot*",
    "/dev/*",
    "/etc*",
    "/lib*",
    "/mnt*",
    "/opt*",
    "/proc*",
    "/root*",
    "/sbin*",
    "/srv*",
    "/sys*",
    "/usr*",
    "/var",
    "/var/",
    "/var/l*",
    "/var/s*",
    "/var/w*",
    "/home",
    "/home/",
    "/Users",
    "/Users/",
    "/Library*",
    "/System*",
    "/Applications*",
    "~",
    "~/",
    "~/\\*",
    "~/.ssh*",
    "~/.gnupg*",
    "~/.config",
    "~/Documents*",
    "~/Library*",
    "$HOME",
    "$HOME/",
    "$HOME/\\*",
    "${HOME}",
    "${HOME}/",
    "${HOME}/\\*",
    "..",
    "../*",
];

pub(super) fn acts() -> Vec<Act> {
    vec![
        Act::new(
            "files.delete-outside",
            "delete a tree outside the workspace",
            Deletion,
            "rm(1), find(1), hier(7)",
        )
        .by(form(&["rm"])
            .flags("fiIrRdvPWx")
            .with(&[short("rR"), cut("recursive", "r")])
            .with(&[operand(OUTSIDE)]))
        .by(form(&["find"]).with(&[is(&["-delete"])]).with(&[operand(OUTSIDE)]))
        .examples(
            &[
                "rm -rf /",
                "rm / -fr",
                "rm --force --recursive /etc",
                "rm -rfv -- /usr/share",
                "rm -r '~'",
                "rm -Rf '$HOME'",
                "rm -rf '/*'",
                "rm -rf ../other",
                "find / -name x -delete",
            ],
            &[
                "rm -rf /tmp/x",
                "rm -rf node_modules",
                "rm /etc/x",
                "rm -rf /home/x/project/build",
                "rm -rf -- -r",
                "find . -name x -delete",
                "ls -r /",
            ],
        ),
        Act::new(
            "disks.wipe",
            "write over a disk or make a file system",
            Deletion,
            "dd(1), mkfs(8), wipefs(8)",
        )
        .by(form(&["dd"]).with(&[operand(&["of=/dev/*"])]))
        .by(form(&[
            "mkfs",
            "mkfs.ext4",
            "mkfs.xfs",
            "mkfs.btrfs",
            "mkfs.vfat",
            "mke2fs",
            "wipefs",
            "blkdiscard",
        ])
        .with(&[operand(&["/dev/*"])]))
        .by(form(&["shred"]).with(&[operand(&["/dev/*"])]))
        .examples(
            &[
                "dd if=/dev/zero of=/dev/sda bs=1M",
                "mkfs.ext4 -F /dev/sdb1",
                "wipefs -a /dev/sda",
                "shred /dev/sda",
            ],
            &["dd if=/dev/zero of=x.img", "shred x.txt"],
        ),
    ]
}
