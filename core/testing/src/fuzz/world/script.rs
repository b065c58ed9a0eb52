//! The fuzzer's bytes as a script.

/// The bytes that are left.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// One of the commands that are known to lead somewhere.
    pub(super) fn command(&mut self) -> &'static [u8] {
        COMMANDS[usize::from(self.byte()) % COMMANDS.len()]
    }

    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

const COMMANDS: [&[u8]; 26] = [
    b"IDENTIFY 1 secret1\0",
    b"IDENTIFY 2 secret2\0",
    b"IDENTIFY bob x\n",
    b"MSG alice hello\0",
    b"MSG bob hello\0MSG alice hello\0",
    b"MSG zero \xff\xfe\0",
    b"LIST\0LIST\0LIST\0LIST\0LIST\0",
    b"PING 1\r\nPING 2\r\n",
    b"NICK alice\0",
    b"NICK zoe\0LIST\0",
    b"QUIT\0LIST\0",
    b"<policy-file-request/>",
    b"\0",
    b"GET /metrics HTTP/1.0\r\n\r\n",
    b"HEAD http://x/server-status?json HTTP/1.1\nHost: x\n\nLIST\0",
    b"POST ",
    b"\x16\x03\x01",
    b"MSG alice 0123456789012345678901234567890123456789012345678901234567890123456789",
    b"JOIN #a\0",
    b"JOIN #b key\0JOIN #c\0JOIN #d\0",
    b"PART #a\0JOIN #A\0",
    b"MSG #a hi\0ME #b waves\0",
    b"OPEN #c max=1 hidden key=k\0",
    b"TOPIC #a <&\">\0ROOMS\0",
    b"KICK #a alice out\0WHO #a\0",
    b"HELLO\0GUEST x\0",
];
