wit_bindgen::generate!({ world: "words", path: "../words.wit" });

struct Words;

impl Guest for Words {
    fn process(input: Vec<u8>) -> Result<Vec<u8>, String> {
        berth::languages::log::write(1, &format!("rust: {} bytes", input.len()));
        if input.is_empty() {
            return Err("no input".into());
        }
        Ok(input.to_ascii_uppercase())
    }

    fn tally(words: Vec<String>) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        if words.is_empty() {
            return Err(Problem::Empty);
        }
        for word in words {
            let size = word.chars().count();
            if size > 8 {
                return Err(Problem::TooLong(size as u32));
            }
            match entries.iter_mut().find(|e| e.word == word) {
                Some(entry) => entry.count += 1,
                None => entries.push(Entry { word, count: 1 }),
            }
        }
        Ok(entries)
    }
}

export!(Words);
