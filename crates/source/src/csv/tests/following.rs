//! Files that are followed: how their texts end for now, and under which names they are found again.

use super::*;

/// A followed folder in which a last line without a line end waits for so long.
fn followed(path: &str, last_line_after: &str) -> Shop {
    Shop::new(path, sales(), &[("follow", "true"), ("last_line_after", last_line_after)])
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn wait_until_told(what: &str, told: impl Fn() -> Option<String>) {
    wait_until(what, || told().is_some_and(|told| told.contains(what)));
}

fn wait_until_nothing_is_told(shop: &Shop) {
    wait_until("no warning any more", || shop.status.warning().is_none());
}

pub(super) fn wait_until_looked_at(shop: &Shop) {
    wait_until("the files to be looked at", || shop.status.phase() == Phase::Idle);
}

fn bytes(shop: &Shop) -> (u64, u64) {
    (shop.status.bytes_read.load(Ordering::Relaxed), shop.status.bytes_total.load(Ordering::Relaxed))
}

fn lines(shop: &Shop) -> Vec<(u32, u64)> {
    shop.records().into_iter().map(|(file, line, _)| (file, line)).collect()
}

fn again(shop: &mut Shop, meanwhile: impl FnOnce(&Shop)) {
    shop.stop = Stop::default();
    shop.follow(|| meanwhile(shop));
}

/// How a text is written and gone on with, plain and packed.
fn pack(name: &str, text: &str) -> Vec<u8> {
    match name.rsplit_once('.') {
        Some((_, "gz")) => gzip(text.as_bytes()),
        Some((_, "zst")) => zstd::encode_all(text.as_bytes(), 3).expect("a vector takes all"),
        _ => text.as_bytes().to_vec(),
    }
}

const NAMES: [&str; 3] = ["data/a.csv", "data/a.csv.gz", "data/a.csv.zst"];

#[test]
fn the_last_lines_of_quiet_files_are_read() {
    let mut shop = followed("data/*", "1ms");
    for name in NAMES {
        shop.write(name, pack(name, &(HEAD.to_owned() + "11,,x\n12,,y")));
    }
    again(&mut shop, |shop| shop.wait_for("all six rows", || shop.counts() == (6, 0)));
    let (read, total) = bytes(&shop);
    assert_eq!((shop.status.warning(), read), (None, total));
    shop.config.last_line_after = Duration::from_secs(3600);
    again(&mut shop, |shop| {
        wait_until_looked_at(shop);
        for name in NAMES {
            shop.append(name, pack(name, "\r\n13,,z\n"));
        }
        shop.wait_for("what came after the line ends", || shop.counts().0 >= 9);
    });
    assert_eq!(lines(&shop), [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 2), (2, 3), (2, 4)]);
    assert_eq!(shop.counts(), (9, 0));
}

/// Whoever writes in pieces writes rows all the same; until one is whole somebody is told that it is not.
#[test]
fn an_unfinished_last_line_is_told_and_no_half_of_it_is_read() {
    for name in NAMES {
        let mut shop = followed("data/*", "1h");
        shop.write(name, pack(name, &(HEAD.to_owned() + "1,,x\n2,,ha")));
        let told = format!("the last line of `{name}` has no line end and is not read yet");
        again(&mut shop, |shop| {
            wait_until_told(&told, || shop.status.warning());
            let (read, total) = bytes(shop);
            assert!(read < total, "{read} of {total}");
        });
        shop.status.set_warning(None);
        again(&mut shop, |shop| {
            wait_until_told(&told, || shop.status.warning());
            assert_eq!(shop.counts(), (1, 0), "{name}");
            shop.append(name, pack(name, "ll\n3,,z\n"));
            shop.wait_for("the other half", || shop.counts() == (3, 0));
            wait_until_nothing_is_told(shop);
        });
        assert_eq!(shop.records()[1].2, "2,null,\"hall\"");
        assert_eq!(bytes(&shop).0, bytes(&shop).1, "{name}");
    }
}

/// A line that was read and goes on was wrong: the error says where, and doing what it says helps.
#[test]
fn a_last_line_that_goes_on_after_all_can_be_put_right() {
    let read = HEAD.to_owned() + "1,,x\n2,,ha";
    for name in NAMES {
        let mut shop = followed("data/*", "1ms");
        shop.write(name, pack(name, &read));
        again(&mut shop, |shop| {
            shop.wait_for("half a row", || shop.counts() == (2, 0));
            shop.append(name, pack(name, "ll\n3,,z\n"));
            let told = format!("line 3 of `{name}` had no line end");
            wait_until_told(&told, || shop.status.error());
            let error = shop.status.error().unwrap_or_default();
            assert!(error.contains(&format!("after byte {} of the text", read.len())), "{error}");
            shop.write(name, pack(name, &(read.clone() + "\n2,,half\n")));
            shop.wait_for("the row as it is", || shop.counts() == (3, 0));
        });
        assert_eq!((shop.records()[2].2.as_str(), shop.status.error()), ("2,null,\"half\"", None), "{name}");
    }
}

#[test]
fn what_stands_behind_an_open_quote_is_told() {
    let mut shop = followed("data/*.csv", "1ms");
    shop.write("data/a.csv", HEAD.to_owned() + "1,,x\n2,,\"y\n3,,z\n");
    again(&mut shop, |shop| {
        wait_until_told("a quote is opened in `data/a.csv`, on line 3", || shop.status.warning());
        assert_eq!(shop.counts(), (1, 0));
        shop.append("data/a.csv", "and so on\"\n4,,q\n");
        shop.wait_for("the row of three lines", || shop.counts() == (3, 0));
        wait_until_nothing_is_told(shop);
    });
    assert_eq!(lines(&shop), [(0, 2), (0, 3), (0, 6)]);
}

/// A header that is still being written is not taken for one with too few columns.
#[test]
fn a_half_header_waits() {
    let mut shop = followed("data/*.csv", "1ms");
    shop.write("data/a.csv", "id,a");
    shop.write("data/b.csv", HEAD.to_owned() + "1,,x");
    again(&mut shop, |shop| {
        shop.wait_for("the other file", || shop.counts() == (1, 0));
        shop.append("data/a.csv", "t,shop\n2,,y\n");
        shop.wait_for("the rest", || shop.counts() == (2, 0));
    });
}

#[test]
fn a_file_that_goes_with_its_last_line_unread_is_told() {
    let mut shop = followed("data/*.csv", "1h");
    shop.write("data/a.csv", HEAD.to_owned() + "1,,x\n2,,y");
    again(&mut shop, |shop| {
        shop.wait_for("the first row", || shop.counts() == (1, 0));
        wait_until_told("`data/a.csv`", || shop.status.warning());
        let text = fs::read(shop.path("data/a.csv")).expect("it is there");
        fs::remove_file(shop.path("data/a.csv")).expect("it is there");
        wait_until_told("`data/a.csv` is gone and was read only through line 2", || shop.status.error());
        shop.write("data/a.csv", [&text[..], b"\n"].concat());
        shop.wait_for("the last row", || shop.counts() == (2, 0));
    });
}

/// Moves every file on by one name, the oldest first, and begins a new one.
fn rotate(shop: &Shop, first: &str) {
    for (from, to) in [("app.2.csv", "app.3.csv"), ("app.1.csv", "app.2.csv"), ("app.csv", "app.1.csv")] {
        if shop.path(from).exists() {
            fs::rename(shop.path(from), shop.path(to)).expect("a rename");
        }
    }
    shop.write("app.csv", first);
}

#[test]
fn rotated_logs_are_read_once() {
    for follow in ["true", "false"] {
        let mut shop = Shop::new("app*.csv", sales(), &[("follow", follow)]);
        let mut expect = 0;
        for turn in 0..5_u32 {
            let from = turn * 10;
            let step = |shop: &Shop| {
                if turn > 0 {
                    // The old one got one more row just before its name changed.
                    shop.append("app.csv", rows(from - 1..from));
                }
                rotate(shop, &(HEAD.to_owned() + &rows(from..from + 9)));
            };
            expect = from as usize + 9;
            if follow == "false" {
                step(&shop);
                shop.run();
            } else if turn % 2 == 0 {
                step(&shop);
                again(&mut shop, |shop| shop.wait_for("rows of both", || shop.counts() == (expect, 0)));
            } else {
                again(&mut shop, |shop| {
                    wait_until_looked_at(shop);
                    step(shop);
                    shop.wait_for("rows of both", || shop.counts() == (expect, 0));
                });
            }
        }
        assert_eq!(shop.counts(), (expect, 0));
        let mut ids: Vec<String> = shop.records().into_iter().map(|record| record.2).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), expect, "no row twice");
    }
}

/// What was written between the last look and the cut is lost, so that it is not gone on with.
#[test]
fn a_log_that_is_copied_and_cut_is_told() {
    let shop = Shop::new("app.csv", sales(), &[]);
    shop.write("app.csv", HEAD.to_owned() + &rows(0..5));
    shop.run();
    fs::copy(shop.path("app.csv"), shop.path("app.csv.1")).expect("a copy");
    shop.write("app.csv", HEAD.to_owned() + &rows(5..6));
    let error = shop.try_run().expect_err("it was cut").to_string();
    assert!(error.contains("`app.csv` was replaced") && error.contains("shorter"), "{error}");
}
