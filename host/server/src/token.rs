//! The token of the admin API: made once, kept in a file that only its owner can read, compared by its hash.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A token that nobody can guess: 32 random bytes as base64url.
pub fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The file that holds the admin token.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.token")
}

/// Reads the admin token, for the command line; `None` where no host has written one that we may read.
pub fn find(data_dir: &Path) -> Option<SecretString> {
    let text = fs::read_to_string(file(data_dir)).ok()?;
    let token = text.trim();
    (!token.is_empty()).then(|| token.into())
}

/// Reads the admin token, or makes it where there is none, with the mode 0600.
pub fn ensure(data_dir: &Path) -> io::Result<SecretString> {
    fs::create_dir_all(data_dir)?;
    let path = file(data_dir);
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
    {
        Ok(mut file) => {
            let token = generate();
            file.write_all(token.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            Ok(token.into())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Whoever copied the file may have lost its mode.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            find(data_dir).ok_or_else(|| {
                let message = format!(
                    "{} is empty; remove it, and the next start makes a new one",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })
        }
        Err(error) => Err(error),
    }
}

/// What the server keeps of a token.
#[derive(Debug, Clone, Copy)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of a token.
    pub fn of(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret().as_bytes()).into())
    }

    /// Whether it is the hash of `given`. Takes as long for every wrong token.
    pub fn is_of(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        self.0
            .iter()
            .zip(given)
            .fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs))
            == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data_dir = dir.path().join("data");
        let made = ensure(&data_dir).expect("the directory can be written");
        let again = ensure(&data_dir).expect("the token can be read");
        assert_eq!(made.expose_secret(), again.expose_secret());
        assert_eq!(made.expose_secret().len(), 43);
        let permissions = fs::metadata(file(&data_dir))
            .expect("the file is there")
            .permissions()
            .mode();
        assert_eq!(permissions & 0o777, 0o600);
    }

    #[test]
    fn an_empty_token_file_is_no_token() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(file(dir.path()), "\n").expect("the directory can be written");
        assert!(find(dir.path()).is_none());
        assert!(ensure(dir.path()).is_err());
    }

    #[test]
    fn only_the_token_itself_has_its_hash() {
        let hash = Hash::of(&"token".into());
        assert!(hash.is_of("token"));
        assert!(!hash.is_of("Token"));
        assert!(!hash.is_of(""));
    }
}
