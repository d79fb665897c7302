//! The data directory: the keys and secrets that were not given are made at the first start and
//! found again at every later one.
//!
//! A file appears whole or not at all, and of two processes that start at once one makes it and the
//! other reads it. What is logged is where a file is, never what is in it.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    Clock, DecryptionKeys, Duration, KeyManagementAlgorithm, KeyRotation, KeySet, Secret, Secrets,
    Signer, SigningAlgorithm, SystemClock, SystemEntropy,
};
use tracing::{info, warn};

use crate::config::{self, ConfigError, SecretSource, Settings};

/// Everything that must outlive the process and that nobody else may read.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) secrets: Secrets,
    /// Those that sign; none if they are to be made in the store.
    pub(crate) keys: Option<KeySet>,
    pub(crate) decryption: DecryptionKeys,
}

/// What the configuration itself names.
#[derive(Debug)]
pub(crate) struct Given {
    token: Option<Vec<Secret>>,
    storage: Option<Vec<Secret>>,
    pairwise: Option<Vec<Secret>>,
    keys: Option<KeySet>,
    keys_in_store: bool,
    decryption: Option<DecryptionKeys>,
    algorithms: Vec<SigningAlgorithm>,
}

impl Given {
    pub(crate) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let sources = &settings.secrets;
        let pairwise = sources.pairwise.as_ref().map(std::slice::from_ref);
        let algorithms = settings.algorithms();
        let keys = settings.keys.file.as_deref();
        let decryption = settings.keys.decryption.as_deref();
        Ok(Self {
            token: given_secrets("secrets.token", sources.token.as_deref())?,
            storage: given_secrets("secrets.storage", sources.storage.as_deref())?,
            pairwise: given_secrets("secrets.pairwise", pairwise)?,
            keys: keys.map(|path| given_keys(path, &algorithms)).transpose()?,
            keys_in_store: settings.keys.store,
            decryption: decryption.map(given_decryption_keys).transpose()?,
            algorithms,
        })
    }

    /// With what is missing from the data directory, and made there if this is the first start.
    /// Generating an RSA key takes a good part of a second.
    pub(crate) fn or_made(self, data: &Path) -> Result<Kept, ConfigError> {
        let directory = Directory(data);
        let list = |given: Option<Vec<Secret>>, name| match given {
            Some(secrets) => Ok(secrets),
            None => Ok(vec![directory.secret(name)?]),
        };
        let mut secrets = Secrets::default();
        secrets.token = list(self.token, "token")?;
        secrets.storage = list(self.storage, "storage")?;
        secrets.pairwise = list(self.pairwise, "pairwise")?.pop();
        let keys = match self.keys {
            None if !self.keys_in_store => Some(directory.keys(&self.algorithms)?),
            given => given,
        };
        let decryption = match self.decryption {
            Some(keys) => keys,
            None => directory.decryption_keys()?,
        };
        Ok(Kept { secrets, keys, decryption })
    }
}

/// The file for people, in a directory that is there.
pub(crate) fn people(data: &Path) -> Result<PathBuf, ConfigError> {
    create_private_directory(data).map_err(|e| problem("data", data, &e))?;
    Ok(data.join("people.db"))
}

struct Directory<'d>(&'d Path);

impl Directory<'_> {
    fn secret(&self, name: &str) -> Result<Secret, ConfigError> {
        let path = self.0.join(format!("{name}.secret"));
        let make = || {
            let secret = Secret::random(&SystemEntropy::new()).map_err(io::Error::other)?;
            Ok(URL_SAFE_NO_PAD.encode(secret.expose()) + "\n")
        };
        let text = self.read_or_make(&path, &format!("{name} secret"), make)?;
        config::secret(&text).map_err(|e| problem("data", &path, &e))
    }

    fn keys(&self, algorithms: &[SigningAlgorithm]) -> Result<KeySet, ConfigError> {
        let now = SystemClock.now();
        let path = self.0.join("keys.json");
        let make = || {
            let keys = KeySet::generate(algorithms, now).map_err(io::Error::other)?;
            Ok(keys.expose_json())
        };
        let text = self.read_or_make(&path, "signing keys", make)?;
        let wrong = |e| problem("data", &path, &e);
        let mut keys = KeySet::from_json(&text).map_err(wrong)?;
        let missing: Vec<_> =
            algorithms.iter().filter(|alg| keys.active(**alg, now).is_none()).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        // Nobody has seen a key for these algorithms, so nobody has cached their absence for long.
        for algorithm in &missing {
            let rotation = KeyRotation::new(Duration::ZERO, Duration::days(7));
            keys = keys.rotate(**algorithm, now, rotation).map_err(wrong)?;
        }
        let whole = Temporary::write(&path, &keys.expose_json());
        whole.and_then(Temporary::replace).map_err(|e| problem("data", &path, &e))?;
        info!(?path, algorithms = ?missing, "added signing keys");
        Ok(keys)
    }

    fn decryption_keys(&self) -> Result<DecryptionKeys, ConfigError> {
        use KeyManagementAlgorithm::{EcdhEs, RsaOaep256};
        let path = self.0.join("decryption.json");
        let make = || {
            let keys = DecryptionKeys::generate(&[RsaOaep256, EcdhEs]).map_err(io::Error::other)?;
            Ok(keys.expose_json())
        };
        let text = self.read_or_make(&path, "decryption keys", make)?;
        DecryptionKeys::from_json(&text).map_err(|e| problem("data", &path, &e))
    }

    /// The text of a file, which is made if it is not there.
    fn read_or_make(
        &self,
        path: &Path,
        what: &str,
        make: impl FnOnce() -> io::Result<String>,
    ) -> Result<String, ConfigError> {
        let wrong = |e| problem("data", path, &e);
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => {
                warn_if_open(path);
                return found.map_err(wrong);
            }
        }
        create_private_directory(self.0).map_err(|e| problem("data", self.0, &e))?;
        let made = Temporary::write(path, &make().map_err(wrong)?).map_err(wrong)?;
        if made.keep_unless_there().map_err(wrong)? {
            info!(?path, "made the {what}");
        }
        fs::read_to_string(path).map_err(wrong)
    }
}

fn given_secrets(
    member: &str,
    sources: Option<&[SecretSource]>,
) -> Result<Option<Vec<Secret>>, ConfigError> {
    let read = |source: &SecretSource| match source {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => {
            config::secret(&read(member, path)?).map_err(|e| problem(member, path, &e))
        }
    };
    sources.map(|sources| sources.iter().map(read).collect()).transpose()
}

/// The keys of a file that somebody else looks after.
fn given_keys(path: &Path, algorithms: &[SigningAlgorithm]) -> Result<KeySet, ConfigError> {
    let keys = KeySet::from_json(&read("keys.file", path)?);
    let keys = keys.map_err(|e| problem("keys.file", path, &e))?;
    let now = SystemClock.now();
    if let Some(missing) = algorithms.iter().find(|alg| keys.active(**alg, now).is_none()) {
        let text =
            format!("no active key for {missing}, which keys.algorithms or a resource names");
        return Err(problem("keys.file", path, &text));
    }
    Ok(keys)
}

/// The same of the keys that clients encrypt to.
fn given_decryption_keys(path: &Path) -> Result<DecryptionKeys, ConfigError> {
    let keys = DecryptionKeys::from_json(&read("keys.decryption", path)?);
    keys.map_err(|e| problem("keys.decryption", path, &e))
}

fn read(member: &str, path: &Path) -> Result<String, ConfigError> {
    warn_if_open(path);
    fs::read_to_string(path).map_err(|e| problem(member, path, &e))
}

fn problem(member: &str, path: &Path, problem: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::new(format!("{member}: {}: {problem}", config::shown(path)))
}

/// A file beside the one that it is to become; gone again if it never does.
struct Temporary {
    path: PathBuf,
    target: PathBuf,
}

impl Temporary {
    fn write(target: &Path, text: &str) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let made = Self { path: target.with_file_name(name), target: target.to_owned() };
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&made.path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(made)
    }

    /// Gives the file its name, unless somebody was faster.
    fn keep_unless_there(self) -> io::Result<bool> {
        match fs::hard_link(&self.path, &self.target) {
            Ok(()) => self.sync_directory().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn replace(self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        match self.target.parent() {
            #[cfg(unix)]
            Some(directory) if !directory.as_os_str().is_empty() => {
                fs::File::open(directory)?.sync_all()
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Says so if others may read a file that holds a secret.
fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            warn!(?path, "others may read this file; chmod 600 is safer");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_once_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let first = Directory(&path).secret("token").unwrap();
        let again = Directory(&path).secret("token").unwrap();
        assert_eq!(first.expose(), again.expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join("token.secret")), 0o600);
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn an_algorithm_may_be_added_later() {
        use SigningAlgorithm::{ES256, EdDSA};
        let directory = tempfile::tempdir().unwrap();
        let data = Directory(directory.path());
        let now = SystemClock.now();
        let before = data.keys(&[ES256]).unwrap();
        let after = data.keys(&[ES256, EdDSA]).unwrap();
        assert_eq!(before.active(ES256, now), after.active(ES256, now));
        assert_eq!(data.keys(&[EdDSA]).unwrap().published(now), after.published(now));
    }
}
