//! Who and where we are, in the form in which snapshots name it (format 2 §6.1).

/// The host's name up to its first dot, in lower case; `nohost` when the system has none.
pub fn host_name() -> String {
    short_host_name(&gethostname::gethostname().to_string_lossy())
}

fn short_host_name(full: &str) -> String {
    match full.split('.').next() {
        Some(label) if !label.is_empty() => label.to_lowercase(),
        _ => "nohost".to_owned(),
    }
}

/// The name of the user this process runs as, on Windows without its domain; `nobody` when unknown.
pub fn user_name() -> String {
    let name = account_name().unwrap_or_default();
    let name = name.rsplit('\\').next().unwrap_or_default();
    if name.is_empty() {
        "nobody".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(unix)]
#[allow(unsafe_code)]
fn account_name() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw();
    let mut buffer = vec![0u8; 1024];
    loop {
        let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // SAFETY: every pointer is valid for the call, and the length is that of the buffer.
        let code = unsafe {
            libc::getpwuid_r(
                uid,
                entry.as_mut_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        if code == libc::ERANGE && buffer.len() < 1 << 20 {
            buffer.resize(buffer.len() * 2, 0);
            continue;
        }
        if code != 0 || found.is_null() {
            // Containers often run as a number without an account.
            return None;
        }
        // SAFETY: the call succeeded, so `found` points to `entry`, whose name is a C string inside `buffer`.
        let name = unsafe { std::ffi::CStr::from_ptr((*found).pw_name) };
        return Some(name.to_string_lossy().into_owned());
    }
}

#[cfg(windows)]
#[allow(unsafe_code)]
fn account_name() -> Option<String> {
    // UNLEN of the Windows headers is 256, plus the closing zero.
    let mut buffer = [0u16; 257];
    let mut length = buffer.len() as u32;
    // SAFETY: the buffer has the stated length, and the length is writable.
    let ok = unsafe {
        windows_sys::Win32::System::WindowsProgramming::GetUserNameW(
            buffer.as_mut_ptr(),
            &raw mut length,
        )
    };
    if ok == 0 || length == 0 {
        return None;
    }
    String::from_utf16(&buffer[..length as usize - 1]).ok()
}

#[cfg(test)]
mod tests {
    use super::short_host_name;

    #[test]
    fn host_names_are_cut_at_the_first_dot_and_lowered() {
        assert_eq!(short_host_name("Web-02.Example.com"), "web-02");
        assert_eq!(short_host_name("plain"), "plain");
        assert_eq!(short_host_name(".example.com"), "nohost");
        assert_eq!(short_host_name(""), "nohost");
    }

    #[test]
    fn user_name_is_never_empty() {
        assert!(!super::user_name().is_empty());
    }
}
