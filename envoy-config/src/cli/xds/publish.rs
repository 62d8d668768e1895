//! Writes the files in an order in which Envoy never has half a configuration.
//!
//! Envoy reads a file when it is replaced, and files that are replaced one after the other in that order. So what is referred to is
//! written before what refers to it: endpoints and certificates, clusters, routes of new listeners, listeners, other routes. What is
//! no longer referred to stays until Envoy uses the new version ([`GRACE`]), then it is removed in the opposite order. That includes
//! endpoints of pods, which routes name: a session follows its pod from an address that is still there to one that is there already.
//!
//! Envoy does not report through files which version it uses, so the time between the two is fixed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::changes::{Changes, Kind};
use super::resources::Resources;
use super::{Directory, FOLDERS, XdsError};
use crate::cli::output::{self, OutputError, Readers};
use crate::render::files::{self, File, Files};

/// How long Envoy may take to use a new version. It reads a file within milliseconds, and loads the filter for a rule in about 6.
pub(in crate::cli) const GRACE: Duration = Duration::from_secs(5);

/// How long a new cluster may take that Envoy does not use at once: it resolves its DNS names, or checks the health of its endpoints
/// first. Until then, requests for it get 503.
const WARM_UP: Duration = Duration::from_secs(2);

/// The files of a folder, by path.
type Texts = BTreeMap<String, String>;

impl Directory {
    /// Writes what is new and what changes. If the changes remove something, it is still there:
    /// [`Directory::remove_unused`] removes it, when [`GRACE`] has passed. `before` are the files of the version before, if what they do
    /// not use is still there.
    pub(in crate::cli) fn publish(&self, files: &Files, before: Option<&Files>) -> Result<Changes, XdsError> {
        let [secrets, endpoints, routes] = FOLDERS.map(|folder| self.texts(folder));
        let (secrets, endpoints, routes) = (secrets?, endpoints?, routes?);
        let text = |file: &File| self.text_of(&file.path);
        let (bootstrap, listeners, clusters) =
            (text(&files.bootstrap)?, text(&files.listeners)?, text(&files.clusters)?);
        let old = |text: &Option<String>| Resources::of(text.as_deref().unwrap_or_default());

        let mut changes = Changes::default();
        let (old_listeners, new_listeners) = (old(&listeners), Resources::of(&files.listeners.text));
        let (old_clusters, new_clusters) = (old(&clusters), Resources::of(&files.clusters.text));
        changes.compare(Kind::Listeners, &old_listeners.0, &new_listeners);
        changes.compare(Kind::Clusters, &old_clusters.0, &new_clusters);
        for (kind, texts, files) in [
            (Kind::Secrets, &secrets, &files.secrets),
            (Kind::Endpoints, &endpoints, &files.endpoints),
            (Kind::Routes, &routes, &files.routes),
        ] {
            changes.compare(
                kind,
                &resources(texts.values()).0,
                &resources(files.iter().map(|file| &file.text)),
            );
        }
        changes.needs_restart = bootstrap.as_ref().is_some_and(|text| *text != files.bootstrap.text);

        self.write_changed(&files.secrets, &secrets, Readers::Owner)?;
        let before_endpoints = match before {
            Some(before) => resources(before.endpoints.iter().map(|file| &file.text)),
            None => resources(endpoints.values()),
        };
        for file in files.endpoints.iter().filter(|file| endpoints.get(&file.path) != Some(&file.text)) {
            let own = Resources::of(&file.text);
            let both = own.clone().with_endpoints(&before_endpoints, &files.following);
            let both = together(file, &own, both)?;
            self.write_if_changed(&both, endpoints.get(&both.path).map(String::as_str))?;
        }
        let warms_up = bootstrap.is_some() && has_slow(&new_clusters, changes.added(Kind::Clusters));
        let before_clusters = before.map(|before| Resources::of(&before.clusters.text));
        let before_clusters = before_clusters.as_ref().unwrap_or(&old_clusters);
        let both = new_clusters.clone().with_endpoints(before_clusters, &files.following);
        let both = together(&files.clusters, &new_clusters, both.with(old_clusters))?;
        self.write_if_changed(&both, clusters.as_deref())?;
        if warms_up {
            thread::sleep(WARM_UP);
        }
        let (known, new): (Vec<&File>, Vec<&File>) =
            files.routes.iter().partition(|file| routes.contains_key(&file.path));
        self.write_changed(new, &routes, Readers::Anyone)?;
        let both =
            together(&files.listeners, &new_listeners, new_listeners.clone().with_listeners(old_listeners))?;
        self.write_if_changed(&both, listeners.as_deref())?;
        self.write_changed(known, &routes, Readers::Anyone)?;
        // The last one, because Envoy is started with it.
        self.write_if_changed(&files.bootstrap, bootstrap.as_deref())?;
        Ok(changes)
    }

    /// Whether there is something that these files do not use.
    pub(in crate::cli) fn has_unused(&self, files: &Files) -> Result<bool, XdsError> {
        let is_other = |file: &File| -> Result<bool, XdsError> {
            Ok(self.text_of(&file.path)?.as_ref() != Some(&file.text))
        };
        let mut changed = [&files.listeners, &files.clusters].into_iter().chain(&files.endpoints);
        Ok(changed.try_fold(false, |any, file| Ok::<_, XdsError>(any || is_other(file)?))?
            || !self.unused(files)?.is_empty())
    }

    /// Removes what these files do not use, which were published before.
    pub(in crate::cli) fn remove_unused(&self, files: &Files) -> Result<(), XdsError> {
        for file in [&files.listeners, &files.clusters].into_iter().chain(&files.endpoints) {
            self.write_if_changed(file, self.text_of(&file.path)?.as_deref())?;
        }
        for path in self.unused(files)? {
            let path = self.path.join(path);
            fs::remove_file(&path).map_err(|problem| XdsError::Directory { path, problem })?;
        }
        Ok(())
    }

    /// The paths of files with one resource that are not among these.
    fn unused(&self, files: &Files) -> Result<Vec<String>, XdsError> {
        let used = |path: &String| {
            let mut all = files.routes.iter().chain(&files.endpoints).chain(&files.secrets);
            all.any(|file| file.path == *path)
        };
        let mut unused = Vec::new();
        for folder in FOLDERS.into_iter().rev() {
            unused.extend(self.texts(folder)?.into_keys().filter(|path| !used(path)));
        }
        Ok(unused)
    }

    /// The contents of the files in a folder.
    fn texts(&self, folder: &str) -> Result<Texts, XdsError> {
        let directory = self.path.join(folder);
        let failed = |problem| XdsError::Directory { path: directory.clone(), problem };
        let mut texts = Texts::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // Files of others are not touched.
            let Some(name) = name.to_str().filter(|name| files::is_resource(name)) else { continue };
            let path = format!("{folder}/{name}");
            if let Some(text) = self.text_of(&path)? {
                texts.insert(path, text);
            }
        }
        Ok(texts)
    }

    /// The contents of a file; `None` if it does not exist. What is not UTF-8 is replaced like every other text.
    fn text_of(&self, path: &str) -> Result<Option<String>, XdsError> {
        let path = self.path.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(XdsError::Directory { path, problem }),
        }
    }

    fn write_changed<'f>(
        &self,
        files: impl IntoIterator<Item = &'f File>,
        old: &Texts,
        readers: Readers,
    ) -> Result<(), OutputError> {
        for file in files {
            if old.get(&file.path) != Some(&file.text) {
                self.write(file, readers)?;
            }
        }
        Ok(())
    }

    fn write_if_changed(&self, file: &File, old: Option<&str>) -> Result<(), OutputError> {
        if old == Some(file.text.as_str()) { Ok(()) } else { self.write(file, Readers::Anyone) }
    }

    fn write(&self, file: &File, readers: Readers) -> Result<(), OutputError> {
        output::move_into(&self.path, &self.path.join(Path::new(&file.path)), &file.text, readers)
    }
}

/// The resources of several files.
fn resources<'t>(texts: impl Iterator<Item = &'t String>) -> Resources {
    Resources(texts.flat_map(|text| Resources::of(text).0).collect())
}

/// The file with the resources of both versions: the file itself if those are its own.
fn together(file: &File, own: &Resources, both: Resources) -> Result<File, XdsError> {
    Ok(if both == *own { file.clone() } else { files::of_resources(&file.path, &both.into_values())? })
}

/// Whether one of these new clusters is not ready at once.
fn has_slow(clusters: &Resources, names: &[String]) -> bool {
    let is_slow =
        |cluster: &Value| ["cluster_type", "health_checks"].iter().any(|field| cluster.get(field).is_some());
    names.iter().filter_map(|name| clusters.0.get(name)).any(is_slow)
}
