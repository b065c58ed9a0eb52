//! The man pages, the completions for shells and the package's configuration file, made from the program's own options.
//!
//! A test compares them with the committed files in `src/manual/made`; `UPDATE=1 cargo test --lib manual` writes
//! these anew. The prose of the pages is in `src/manual/*.md`.

mod bash;
mod commands;
mod completions;
mod fish;
mod markdown;
mod packaged;
mod pages;
mod zsh;

use std::env;
use std::fs;
use std::path::Path;

use commands::Command;

#[test]
fn the_committed_files_are_up_to_date() {
    let program = Command::program();
    let mut made = pages::all(&program);
    made.extend([
        ("flashgate.bash", bash::script(&program)),
        ("flashgate.fish", fish::script(&program)),
        ("_flashgate", zsh::script(&program)),
        ("flashgate.toml", packaged::file()),
    ]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/made");
    for (name, text) in made {
        let path = folder.join(name);
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).is_ok_and(|there| there == text),
            "src/manual/made/{name} is not what the options say; UPDATE=1 cargo test --lib manual writes it"
        );
    }
}
