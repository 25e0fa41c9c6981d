//! Links at the terminal: taken over, shown, handed on, forgotten.

use super::scene::Scene;

#[tokio::test]
async fn links_are_imported_listed_exported_and_removed() {
    let scene = Scene::with_connections().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("the directory can be written");
        path.display().to_string()
    };
    let good = write(
        "good",
        "contact,ids\n7,crm:person:41|other:lead:2\n8,crm:deal:5\n",
    );
    let wrong = write("wrong", "7,crm:person:41\n8,crm:person\n9\n");
    let unwritten = write("unwritten", "7,crm:person:41\n8,crm:mood:5\n");
    let told = scene
        .tell(&[
            &["link", "list", "--connection", "main"],
            &["link", "import", &good, "--connection", "main", "--dry-run"],
            &["link", "list", "--connection", "main"],
            &["link", "import", &good, "--connection", "main"],
            &["link", "import", &wrong, "--connection", "main"],
            &["link", "import", &unwritten, "--connection", "main"],
            &["link", "list", "--connection", "main", "--contact", "7"],
            &["link", "export", "--connection", "main"],
            &[
                "link",
                "remove",
                "--connection",
                "main",
                "--contact",
                "8",
                "--object",
                "deal",
            ],
            &[
                "link",
                "remove",
                "--connection",
                "main",
                "--contact",
                "8",
                "--object",
                "deal",
            ],
            &["link", "list", "--connection", "main"],
            &[
                "link",
                "remove",
                "--connection",
                "main",
                "--contact",
                "7",
                "--object",
                "person",
                "--json",
            ],
        ])
        .await;
    let place = dir.path().display().to_string();
    insta::assert_snapshot!(told.replace(&place, "DIR"));
}

#[tokio::test]
async fn what_an_import_makes_different_is_said() {
    let scene = Scene::with_connections().await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().display().to_string();
    let import: [&str; 5] = ["link", "import", &path, "--connection", "main"];
    let write = |text: &str| std::fs::write(file.path(), text).expect("the file can be written");
    write("102,crm:person:10\n103,crm:person:11\n");
    let told = scene.tell(&[&import]).await;
    assert!(!told.contains("something else"), "{told}");
    write("102,crm:person:999\n103,crm:person:11\n104,crm:person:12\n");
    let dry = [&import[..], &["--dry-run"]].concat();
    let told = scene.tell(&[&dry, &import, &import]).await;
    for expect in [
        "would say something else than now",
        "said something else before",
    ] {
        let expect = format!("{expect}: 1 link\n[stderr]   contact 102: person 10 → 999\n");
        assert_eq!(told.matches(&expect).count(), 1, "{told}");
    }
}

#[tokio::test]
async fn what_was_exported_can_be_imported() {
    let scene = Scene::after_a_day().await;
    let export: &[&str] = &["link", "export", "--connection", "main"];
    let told = scene.tell(&[export]).await;
    let exported: Vec<&str> = told.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(exported.len(), 1);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), exported.join("\n")).expect("the file can be written");
    let path = file.path().display().to_string();
    let before = scene
        .world
        .links
        .lock()
        .expect("no test panics with it")
        .clone();
    scene
        .world
        .links
        .lock()
        .expect("no test panics with it")
        .clear();
    let import: &[&str] = &["link", "import", &path, "--connection", "main"];
    scene.tell(&[import]).await;
    let after = scene
        .world
        .links
        .lock()
        .expect("no test panics with it")
        .clone();
    assert_eq!(
        (after[0].0, &after[0].1.entity, &after[0].1.link),
        (before[0].0, &before[0].1.entity, &before[0].1.link)
    );
}
