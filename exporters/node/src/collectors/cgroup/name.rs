//! The names of containers, as far as the names of their cgroups tell them.

use std::borrow::Cow;

/// Engines that give a container a scope of systemd's: what stands before its identifier.
const SCOPES: [&str; 4] = ["docker-", "libpod-", "cri-containerd-", "crio-"];

/// Digits of a container's identifier in full, and as engines show it.
const ID_DIGITS: usize = 64;
const ID_DIGITS_SHOWN: usize = 12;

/// The name of the container that a cgroup is; empty if it is none, but a unit or a part of either.
pub(super) fn container_name(id: &str) -> Cow<'_, str> {
    let mut parts = id.rsplit('/');
    let (last, parent) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    if let Some(scope) = last.strip_suffix(".scope") {
        if let Some(machine) = scope.strip_prefix("machine-") {
            return unescaped(machine);
        }
        let container = SCOPES.iter().find_map(|prefix| shortened(scope.strip_prefix(prefix)?));
        return container.unwrap_or("").into();
    }
    let nspawn =
        last.strip_prefix("systemd-nspawn@").and_then(|name| name.strip_suffix(".service"));
    if let Some(machine) = nspawn {
        return unescaped(machine);
    }
    if let Some(container) = last.strip_prefix("lxc.payload.") {
        return container.into();
    }
    if parent == "lxc" || parent == "lxc.payload" {
        return last.into();
    }
    // Engines that do without systemd: /docker/ID, /kubepods/burstable/podUID/ID.
    shortened(last).unwrap_or("").into()
}

/// The shown part of what is an identifier.
fn shortened(id: &str) -> Option<&str> {
    let is_id = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { id.get(..ID_DIGITS_SHOWN) } else { None }
}

/// What systemd wrote as `\x2d` is that byte again. `systemd-escape(1)`
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return name.into();
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = rest.strip_prefix(b"\\x").and_then(|digits| {
            let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &rest[4..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_names_and_units_have_none() {
        fn check(id: &str, expected: &str) {
            let digits = "0123456789abcdef".repeat(4);
            assert_eq!(container_name(&id.replace("ID", &digits)), expected, "{id}");
        }
        check("/", "");
        check("/system.slice/ssh.service", "");
        check("/init.scope", "");
        check("/system.slice/docker-ID.scope", "0123456789ab");
        check("/system.slice/docker-ID.scope/init", "");
        check("/machine.slice/libpod-ID.scope", "0123456789ab");
        check("/machine.slice/libpod-conmon-ID.scope", "");
        check("/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope", "0123456789ab");
        check("/kubepods.slice/kubepods-pod1.slice/crio-ID.scope", "0123456789ab");
        check("/kubepods/burstable/pod1/ID", "0123456789ab");
        check("/docker/ID", "0123456789ab");
        check("/lxc.payload.web", "web");
        check("/lxc.monitor.web", "");
        check("/lxc/web", "web");
        check(r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", "qemu-1-vm");
        check(r"/machine.slice/machine-odd\x2.scope", r"odd\x2");
        check("/machine.slice/systemd-nspawn@deb.service", "deb");
    }
}
