//! Order lines in the shape of the example's: the same columns, the same skew over countries, customers and products.
//!
//! A pure function of the number of rows, so that every machine measures the same file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Days the rows are spread over, and open minutes a day from 08:00.
const DAYS: u64 = 374;
const MINUTES_A_DAY: u64 = 600;

/// Lines of an invoice, on average.
const LINES_AN_INVOICE: u64 = 22;

const ABROAD: [&str; 12] = [
    "Germany",
    "France",
    "EIRE",
    "Spain",
    "Netherlands",
    "Belgium",
    "Switzerland",
    "Portugal",
    "Australia",
    "Norway",
    "Italy",
    "Channel Islands",
];

const COLOURS: [&str; 8] = ["WHITE", "RED", "PINK", "IVORY", "VINTAGE", "JUMBO", "SET OF 6", "REGENCY"];
const THINGS: [&str; 10] = [
    "HANGING HEART T-LIGHT HOLDER",
    "RETROSPOT CAKE STAND",
    "METAL LANTERN",
    "UNION JACK HOT WATER BOTTLE",
    "BAG RED RETROSPOT",
    "PAPER CHAIN KIT, 50'S CHRISTMAS",
    "LUNCH BOX WITH CUTLERY",
    "BIRD ORNAMENT",
    "PARTY BUNTING",
    "TEA TOWEL",
];

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }

    /// Skewed: small numbers are far more frequent, about as product and customer sales are.
    fn skewed(&mut self, bound: u64) -> u64 {
        let limit = 1 + self.below(bound);
        let limit = 1 + self.below(limit);
        self.below(limit)
    }
}

/// One invoice: what its lines share.
struct Invoice {
    number: u64,
    cancelled: bool,
    customer: Option<u64>,
    country: &'static str,
    lines_left: u64,
}

impl Invoice {
    fn next(number: u64, random: &mut Numbers) -> Self {
        let abroad = random.below(100) < 9;
        Self {
            number,
            cancelled: random.below(100) < 2,
            customer: (random.below(4) > 0).then(|| 12_346 + random.skewed(5_900)),
            country: if abroad { ABROAD[random.skewed(ABROAD.len() as u64) as usize] } else { "United Kingdom" },
            lines_left: 1 + random.below(2 * LINES_AN_INVOICE),
        }
    }
}

/// Writes the file into `folder`, unless it is there already.
pub(crate) fn write(folder: &Path, rows: u64) -> PathBuf {
    let path = folder.join(format!("order_lines-{rows}.csv"));
    if path.exists() {
        return path;
    }
    let unfinished = path.with_extension("unfinished");
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&unfinished).expect("the file can be made"));
    writeln!(file, "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country")
        .expect("written");
    let mut random = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut invoice = Invoice::next(536_365, &mut random);
    for row in 0..rows {
        if invoice.lines_left == 0 {
            invoice = Invoice::next(invoice.number + 1, &mut random);
        }
        invoice.lines_left -= 1;
        write_line(&mut file, &invoice, row * DAYS * MINUTES_A_DAY / rows, &mut random);
    }
    file.flush().expect("written");
    fs::rename(&unfinished, &path).expect("renamed");
    path
}

fn write_line(file: &mut impl Write, invoice: &Invoice, minute: u64, random: &mut Numbers) {
    let (day, within) = (minute / MINUTES_A_DAY, minute % MINUTES_A_DAY);
    let (year, month, day) = date(day);
    let product = random.skewed(4_000);
    let thing = THINGS[(product % 10) as usize];
    let quote = if thing.contains(',') { "\"" } else { "" };
    let quantity = 1 + random.skewed(48);
    let cents = 29 + product * 7 % 1_250;
    let (cancelled, sign) = if invoice.cancelled { ("C", "-") } else { ("", "") };
    write!(
        file,
        "{cancelled}{},{},{quote}{} {thing}{quote},{sign}{quantity},{year}-{month:02}-{day:02} {:02}:{:02}:00,{}.{:02},",
        invoice.number,
        20_000 + product,
        COLOURS[(product / 10 % 8) as usize],
        8 + within / 60,
        within % 60,
        cents / 100,
        cents % 100,
    )
    .expect("written");
    match invoice.customer {
        Some(customer) => writeln!(file, "{customer}.0,{}", invoice.country),
        None => writeln!(file, ",{}", invoice.country),
    }
    .expect("written");
}

/// The date `day` days after 2010-12-01; the rows end before 2012.
fn date(day: u64) -> (u64, u64, u64) {
    const LENGTHS: [u64; 13] = [31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut left = day;
    for (index, length) in LENGTHS.into_iter().enumerate() {
        if left < length {
            let month = 12 + index as u64;
            return (2010 + (month - 1) / 12, (month - 1) % 12 + 1, left + 1);
        }
        left -= length;
    }
    unreachable!("{day} is beyond the days that rows are spread over")
}
