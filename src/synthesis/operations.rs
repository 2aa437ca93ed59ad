//! What a line of an allow that names its operation cannot be, whatever follows: `docker logs --privileged`
//! gives nothing its rights, `gcloud compute instances list delete` deletes nothing.
use super::guards::has_gap;
use crate::{policy::Pattern, risk::acts::is_last_of_path};

/// Subcommands that only look: no option of those that start or change something is one of theirs.
///
/// # Source
/// docker(1), docker-compose(1), podman(1).
const LOOKING: &[&str] = &[
    "compose config",
    "compose images",
    "compose logs",
    "compose ls",
    "compose ps",
    "compose top",
    "compose version",
    "container inspect",
    "container list",
    "container logs",
    "container ls",
    "diff",
    "events",
    "history",
    "image inspect",
    "image ls",
    "images",
    "info",
    "inspect",
    "logs",
    "network inspect",
    "network ls",
    "port",
    "ps",
    "search",
    "stats",
    "system df",
    "system info",
    "top",
    "version",
    "volume inspect",
    "volume ls",
];

/// Whether a line of an allow may be what a guard means, as far as the operation tells that the allow names.
///
/// # Source
/// aws(1): `aws [options] <command> <subcommand> [parameters]`; `gcloud help`; `az --help`.
pub(super) fn may_be(guard: &str, pattern: &Pattern, allow: &Pattern) -> bool {
    let Some((binary, rest)) = guard.split_once(' ') else { return true };
    let words = || allow.literal_prefix().split(' ').skip(1);
    if has_gap(allow) || !allow.literal_prefix().starts_with(&format!("{binary} ")) {
        return true;
    }
    // The last word of the prefix may go on, unless a blank or the end of the line is behind it.
    let is_whole = allow.parts().len() == 1;
    let n_whole = words().count() - usize::from(!is_whole);
    match binary {
        "aws" if rest.starts_with("* ") => {
            let operation = words().take(n_whole).nth(1);
            let is_plain = |word: &&str| !word.is_empty() && !word.starts_with('-');
            operation.filter(is_plain).is_none_or(|operation| {
                pattern.matches(&format!("aws x {operation}"))
                    || pattern.matches(&format!("aws x {operation} "))
            })
        }
        "gcloud" | "az" if rest.starts_with("* ") => {
            let path = words().take(n_whole).take_while(|it| !it.starts_with('-'));
            !path.into_iter().any(is_last_of_path)
        }
        "docker" | "podman" if rest.starts_with('*') || rest.starts_with("compose *") => {
            let path: Vec<&str> = words().take(n_whole).collect();
            !LOOKING.iter().any(|it| path.starts_with(&it.split(' ').collect::<Vec<_>>()))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_that_names_its_operation_is_no_other_one() {
        for (guard, allow, want) in [
            ("aws * delete-*", "aws s3 ls *", false),
            ("aws * delete-*", "aws ec2 delete-volume *", true),
            ("aws * delete-*", "aws ec2 *", true),
            ("aws * delete-*", "aws --profile x s3 ls *", true),
            ("gcloud * delete *", "gcloud compute instances list *", false),
            ("gcloud * delete *", "gcloud compute instances *", true),
            ("gcloud * delete *", "gcloud compute --project list *", true),
            ("gcloud * delete *", "gcloud compute instances list*", true),
            ("gcloud storage rm *", "gcloud storage ls *", true),
            ("az * delete *", "az vm list", false),
            ("docker *--privileged*", "docker compose logs *", false),
            ("docker *--privileged*", "docker ps", false),
            ("docker *--privileged*", "docker ps*", true),
            ("docker *--privileged*", "docker run *", true),
            ("docker *--privileged*", "docker *", true),
            ("docker compose *down*-v*", "docker compose logs *", false),
            ("docker inspect *", "docker inspect *", true),
        ] {
            assert_eq!(
                may_be(guard, &Pattern::new(guard), &Pattern::new(allow)),
                want,
                "{guard}: {allow}"
            );
        }
    }
}
