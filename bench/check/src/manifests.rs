//! Manifests as repositories hold them: ours among others, some with mistakes.

use std::fs;
use std::io;
use std::path::Path;

/// Writes manifests, a hundred to a folder, and returns how many bytes they have.
pub(crate) fn write(folder: &Path, count: usize) -> io::Result<usize> {
    let mut bytes = 0;
    for number in 0..count {
        let folder = folder.join((number / 100).to_string());
        fs::create_dir_all(&folder)?;
        let text = manifest(number);
        bytes += text.len();
        fs::write(folder.join(format!("{number}.yml")), text)?;
    }
    Ok(bytes)
}

fn manifest(number: usize) -> String {
    // Every tenth is refused.
    let window = if number.is_multiple_of(10) {
        "1 day"
    } else {
        "24h"
    };
    match number % 4 {
        0 | 2 => format!(
            "# The grant of site {number}\napiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata:\n  \
             name: site-{number}\n  labels: {{app: site, part: access}}\nspec:\n  redemptionsAllowed: 3\n  \
             expirationWindow: {window} # how long\n"
        ),
        1 => format!(
            "apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata:\n  name: to-{number}\nspec:\n  \
             url: https://grants.example.com:9090/{number}\n  code: an-example-and-not-a-secret\n  linkCost: 1\n  \
             ca: |\n{CERTIFICATE}"
        ),
        _ => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other-{number}\ndata:\n  a: \"1\"\n---\n\
             apiVersion: v1\nkind: Service\nmetadata:\n  name: other-{number}\nspec:\n  ports:\n  - port: 8080\n    \
             targetPort: http\n  selector:\n    app: other\n"
        ),
    }
}

/// A certificate for tests, indented.
const CERTIFICATE: &str = include_str!("certificate.txt");
