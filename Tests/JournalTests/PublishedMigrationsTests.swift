import Cryptography
import Testing

@testable import Journal

/// A database remembers the text of each migration, and a program that has another under its number refuses it.
struct PublishedMigrationsTests {
    /// The first eight bytes of each text's SHA-256. One is added with each migration, and none is ever changed: a comment in it
    /// is text, too.
    private static let published = [
        "7b6c1f945ab2bc77", "69f4dc579ca71350", "461a6ed7e5899dd4", "09c83fded91e3eb2", "30ef8733c1de8c26",
        "b19326e07e3194e0", "47b231eec33698bd", "1bd4be49a79b9ab0", "fa63765d2e9f434c", "11c87c24b8f33505",
        "761eb15f724066a5", "e5b0a4d94aef4dc5", "97dcfc57ac06352f",
    ]

    @Test("what was published once stands as it was")
    func unchanged() {
        let now = Journal.migrations.steps.map { step in
            var hash = SHA256()
            hash.update(step.sql.utf8)
            return String(hash.finalize().description.prefix(16))
        }
        #expect(now == Self.published)
    }
}
