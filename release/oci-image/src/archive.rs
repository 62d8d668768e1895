//! Tar files that do not depend on the machine that writes them.

use std::collections::BTreeSet;
use std::io;

use oci_spec::image::{Digest, OciLayoutBuilder};
use tar::{Builder, EntryType, Header};

use crate::Problem;

/// The archive of an image layout.
pub(crate) fn write(blobs: &[(Digest, Vec<u8>)], index: &[u8], epoch: u64) -> Result<Vec<u8>, Problem> {
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build()?;
    let layout = serde_json::to_vec(&layout).map_err(io::Error::from)?;
    let paths: Vec<(String, &[u8])> = blobs
        .iter()
        .map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.digest()), &bytes[..]))
        .collect();
    let files = [("oci-layout", &layout[..]), ("index.json", index)].into_iter();
    let files = files.chain(paths.iter().map(|(path, bytes)| (path.as_str(), *bytes)));
    Ok(of(files.map(|(path, bytes)| (path, 0o444, bytes)), epoch)?)
}

/// A tar file of these files (path, mode, bytes) and the folders that they are in, all of root.
pub(crate) fn of<'f>(
    files: impl Iterator<Item = (&'f str, u32, &'f [u8])>,
    epoch: u64,
) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for (path, mode, bytes) in files {
        for (end, _) in path.match_indices('/') {
            let folder = path.get(..=end).unwrap_or_default();
            if folders.insert(folder) {
                archive.append_data(
                    &mut header(EntryType::Directory, 0o755, 0, epoch),
                    folder,
                    io::empty(),
                )?;
            }
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        archive.append_data(&mut header(EntryType::Regular, mode, size, epoch), path, bytes)?;
    }
    archive.into_inner()
}

fn header(kind: EntryType, mode: u32, size: u64, epoch: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(epoch);
    header.set_uid(0);
    header.set_gid(0);
    header
}
