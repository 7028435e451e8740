import Testing

@testable import Access

@Suite("What the audit log keeps of a text")
struct AuditSubjectTests {
    @Test("a text ends at its limit of bytes, between two scalars, however long its characters are")
    func cut() {
        for (text, limit, kept) in [
            ("", 0, ""), ("abc", 3, "abc"), ("abcd", 3, "abc"), ("aü", 2, "a"), ("aü", 3, "aü"), ("€€", 5, "€"),
            ("😀", 3, ""), ("😀😀", 4, "😀"), ("e\u{301}\u{301}", 4, "e\u{301}"), ("abc", 0, ""),
        ] {
            #expect(text.prefix(bytes: limit) == kept, "\(text) in \(limit)")
        }
    }

    @Test(
        "what paths name, in words; the path where they name nothing",
        arguments: [
            ("/console/api/runs/0192/redrive", "execution 0192"),
            ("/console/api/runs/arn%3Aaws%3Astates/stop", "arn:aws:states"),
            ("/console/api/runs/0192/states/3/fail", "execution 0192, state entry 3"),
            ("/console/api/runs/arn%3Aaws/states/3/release", "arn:aws, state entry 3"),
            ("/console/api/runs/0%2C%20state%20entry%203/stop", "/console/api/runs/0%2C%20state%20entry%203/stop"),
            ("/console/api/runs/0192%0A/stop", "/console/api/runs/0192%0A/stop"),
            ("/console/api/machines/ingest/start", "state machine ingest"),
            ("/console/api/machines/states/start", "state machine states"),
            ("/console/api/runs/states/stop", "execution states"),
            ("/console/api/machines/arn%3Aaws%3Astates/start", "arn:aws:states"),
            ("/console/api/workers/arn%3Aaws%3Astates/mode", "worker arn:aws:states"),
            ("/console/api/workers/w%203/mode", "worker w 3"), ("/console/api/workers/w%2C3/mode", "worker w,3"),
            ("/console/api/workers/w%E2%80%A8/mode", "/console/api/workers/w%E2%80%A8/mode"),
            ("/console/api/triggers/films/pause", "trigger films"),
            ("/console/api/triggers/films/secret", "trigger films"),
            ("/console/api/schedules/nightly/backfill", "schedule nightly"),
            ("/console/api/connections/mail", "connection mail"),
            ("/console/api/starts-aside/12ab/release", "start 12ab"),
            ("/access/v1/keys/AKIA/rotate", "access key AKIA"), ("/access/v1/accounts/zoe/tokens", "account zoe"),
            ("/console/api/connections", "/console/api/connections"), ("/access/v1/keys/", "/access/v1/keys/"),
            ("/console/api/workers/%zz/mode", "/console/api/workers/%zz/mode"), ("/uploads/1", "/uploads/1"),
        ])
    func paths(path: String, subject: String) { #expect(AuditSubject.resource(ofPath: path) == subject) }

    @Test("a single character of many scalars is no way around the limit")
    func tall() {
        let kept = AuditSubject.kept("e" + String(repeating: "\u{301}", count: 5000))
        #expect(kept.utf8.count == 1023)
        #expect(kept == "e" + String(repeating: "\u{301}", count: 511))
        #expect(AuditSubject.kept("a\0b\0") == "ab")
        #expect(AuditSubject.kept("a\u{1B}[2K\r\n\u{2028}b\u{85}") == "a[2Kb")
    }
}
