//! Which commands may run another one, and in what form they do not.
use super::{carriers, filters, unwrap::SHELLS, wrappers};

/// How a command runs what its arguments name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// As a wrapper does: what follows its own options.
    Wrapped,
    /// What follows its own options, and it does something of its own.
    Carried,
    /// As a shell does: the script after `-c`.
    Script,
    /// Whatever it is given.
    Code,
    /// What the script of `sed` runs; files that it opens are commands, too.
    Sed,
    /// What the program of `awk` runs; files that it opens are commands, too.
    Awk,
    /// Nothing, but a file that is written after `-o` is a command, too.
    WritingOption,
    /// Nothing, but a file that is written as the second operand is a command, too.
    WritingOperand,
    /// What follows assignments, in the same line for rules; some of these change code.
    Assigning,
    /// What follows one of these options.
    Executed(&'static [&'static str]),
    /// What follows the host; these short options take a value.
    Remote(&'static str),
    /// What follows `exec` and the name of a container.
    Inside,
}

/// Every command that may run another one, by its name; what [`super::read`] does with each is
/// there, that this list agrees with it is a law in `policy::proof`.
pub fn runs() -> impl Iterator<Item = (&'static str, Runs)> {
    const CODE: &[&str] = &["eval", "trap", "exec"];
    const FIND: &[&str] = &["-exec", "-execdir", "-ok", "-okdir"];
    const FD: &[&str] = &["-x", "--exec", "-X", "--exec-batch"];
    const SCRIPT: &[&str] = &["-c", "--command"];
    const NODEMON: &[&str] = &["-x", "--exec"];
    const ADB: &[&str] = &["shell", "exec-out"];
    const SSH_VALUED: &str = "BbcDEeFIiJLlMmOoPpQRSWw";
    const OTHERS: &[(&str, Runs)] = &[
        ("find", Runs::Executed(FIND)),
        ("gfind", Runs::Executed(FIND)),
        ("fd", Runs::Executed(FD)),
        ("fdfind", Runs::Executed(FD)),
        ("cross-env", Runs::Assigning),
        ("nodemon", Runs::Executed(NODEMON)),
        ("adb", Runs::Executed(ADB)),
        ("su", Runs::Executed(SCRIPT)),
        ("script", Runs::Executed(SCRIPT)),
        ("sg", Runs::Executed(SCRIPT)),
        ("vagrant", Runs::Executed(SCRIPT)),
        ("gcloud", Runs::Executed(SCRIPT)),
        ("ssh", Runs::Remote(SSH_VALUED)),
        ("autossh", Runs::Remote(SSH_VALUED)),
        ("docker", Runs::Inside),
        ("podman", Runs::Inside),
        ("nerdctl", Runs::Inside),
        ("docker-compose", Runs::Inside),
        ("podman-compose", Runs::Inside),
        ("kubectl", Runs::Inside),
        ("oc", Runs::Inside),
        ("k", Runs::Inside),
        ("lxc", Runs::Inside),
        ("incus", Runs::Inside),
    ];
    let code = CODE.iter().map(|&name| (name, Runs::Code));
    let shells = SHELLS.iter().map(|&name| (name, Runs::Script));
    let wrappers = wrappers::names().filter(|name| !CODE.contains(name));
    let carriers = carriers::names().map(|name| (name, Runs::Carried));
    let wrappers = wrappers.map(|name| (name, Runs::Wrapped)).chain(carriers);
    let filters = [(filters::SED, Runs::Sed), (filters::AWK, Runs::Awk)];
    let filters =
        filters.into_iter().flat_map(|(names, how)| names.iter().map(move |&it| (it, how)));
    let writers = filters::outputs::names().map(|(name, output)| match output {
        filters::outputs::Output::Option => (name, Runs::WritingOption),
        filters::outputs::Output::Operand => (name, Runs::WritingOperand),
    });
    let filters = filters.chain(writers);
    code.chain(shells).chain(wrappers).chain(filters).chain(OTHERS.iter().copied())
}
