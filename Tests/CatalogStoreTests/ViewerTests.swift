import CatalogStore
import CatalogTestSupport
import JSON
import Postgres
import Testing

/// Who may watch what, and the keys of it, in a real database.
@Suite("Viewers and content keys", .serialized)
struct ViewerTests {
    private static func token(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    private func accounts(_ catalogue: Catalogue) -> AccountTable {
        AccountTable { (sql, parameters) throws(PostgresError) in
            try await catalogue.connection.query(sql, parameters, deadline: Catalogue.deadline)
        }
    }

    private func keys(_ catalogue: Catalogue) -> ContentKeyTable {
        ContentKeyTable { (sql, parameters) throws(PostgresError) in
            try await catalogue.connection.query(sql, parameters, deadline: Catalogue.deadline)
        }
    }

    private func granted(_ outcome: AccountTable.Outcome) -> Bool {
        if case .granted = outcome { true } else { false }
    }

    @Test("a grant makes account and profile, and its token says who it is")
    func grants() async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(.sample(1), execution: 1)
        let accounts = accounts(catalogue)
        let outcome = try await accounts.grant(
            .init(account: "ada", profile: "main", country: "DE", tokenSHA256: Self.token(1), seconds: 60))
        #expect(granted(outcome))
        let right = try await catalogue.reader.playbackRight(tokenSHA256: Self.token(1), titleID: "t-1")
        #expect(right?.accountID == "ada" && right?.profileID == "main" && right?.refusal == nil)
        #expect(try await catalogue.reader.playbackRight(tokenSHA256: Self.token(2), titleID: "t-1") == nil)
        // A second token of the same profile; both hold.
        #expect(
            granted(
                try await accounts.grant(
                    .init(account: "ada", profile: "main", tokenSHA256: Self.token(3), seconds: 60))))
        #expect(try await catalogue.count("profile") == 1)
        #expect(try await catalogue.count("session") == 2)
        #expect(try await accounts.revokeTokens(ofAccount: "ada") == 2)
        #expect(try await accounts.revokeTokens(ofAccount: "ada") == 0)
        #expect(try await accounts.revokeTokens(ofAccount: "nobody") == nil)
        #expect(try await catalogue.reader.playbackRight(tokenSHA256: Self.token(1), titleID: "t-1") == nil)
    }

    @Test("a token that has run out is nobody, and so is one of a device that was taken away")
    func expires() async throws {
        let catalogue = try await Catalogue.make()
        let accounts = accounts(catalogue)
        for byte in [UInt8(1), 2] {
            #expect(
                granted(
                    try await accounts.grant(
                        .init(account: "ada", profile: "main", tokenSHA256: Self.token(byte), seconds: 60))))
        }
        try await catalogue.connection.script(
            """
            INSERT INTO catalogue.device (account_id, id, kind, name, revoked_at)
                VALUES ('ada', 'tv', 'tv', 'The TV', now());
            UPDATE catalogue.session SET device_id = 'tv' WHERE token_sha256 = '\\x\(String(repeating: "01", count: 32))';
            UPDATE catalogue.session SET expires_at = now() WHERE token_sha256 = '\\x\(String(repeating: "02", count: 32))';
            """, deadline: Catalogue.deadline)
        for byte in [UInt8(1), 2] {
            #expect(try await catalogue.reader.playbackRight(tokenSHA256: Self.token(byte), titleID: "t-1") == nil)
        }
    }

    @Test("an account has five profiles and a hundred tokens at most, and a suspended one gets none")
    func limits() async throws {
        let catalogue = try await Catalogue.make()
        let accounts = accounts(catalogue)
        for number in 0..<AccountTable.profiles {
            #expect(
                granted(
                    try await accounts.grant(
                        .init(account: "a", profile: "p\(number)", tokenSHA256: Self.token(UInt8(number)), seconds: 60))
                ))
        }
        #expect(
            try await accounts.grant(.init(account: "a", profile: "p9", tokenSHA256: Self.token(9), seconds: 60))
                == .tooManyProfiles)
        try await catalogue.connection.script(
            """
            INSERT INTO catalogue.session (token_sha256, account_id, profile_id, expires_at)
            SELECT sha256(number::text::bytea), 'a', 'p0', now() + interval '1 day' FROM generate_series(6, 100) AS number
            """, deadline: Catalogue.deadline)
        #expect(
            try await accounts.grant(.init(account: "a", profile: "p0", tokenSHA256: Self.token(9), seconds: 60))
                == .tooManySessions)
        try await catalogue.connection.script(
            "UPDATE catalogue.account SET state = 'suspended'", deadline: Catalogue.deadline)
        #expect(
            try await accounts.grant(.init(account: "a", profile: "p0", tokenSHA256: Self.token(9), seconds: 60))
                == .notActive(state: "suspended"))
        let right = try await catalogue.reader.playbackRight(tokenSHA256: Self.token(1), titleID: "t-1")
        #expect(right?.refusal == .account(state: "suspended"))
    }

    @Test(
        "a ceiling hides what is rated above it, and what nobody has rated",
        arguments: [
            ("PG-13", 13, true), ("PG-13", 12, false), ("TV-MA", 16, false), ("FSK 0", 0, true),
            ("unheard of", 21, false),
        ] as [(String, Int, Bool)])
    func ceilings(rating: String, ceiling: Int, isAllowed: Bool) async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(.sample(1, metadata: ["rating": .string(rating)]), execution: 1)
        _ = try await accounts(catalogue).grant(
            .init(account: "a", profile: "kids", ceiling: ceiling, tokenSHA256: Self.token(1), seconds: 60))
        let right = try #require(
            try await catalogue.reader.playbackRight(tokenSHA256: Self.token(1), titleID: "t-1"))
        #expect((right.refusal == nil) == isAllowed, "\(right)")
        if !isAllowed {
            guard case .rating(ceiling, _) = right.refusal else {
                Issue.record("\(right)")
                return
            }
        }
    }

    @Test(
        "a title is played where and when it is available",
        arguments: [
            ([["region": "DE"]], true), ([["region": "FR"]], false), ([["region": "*"]], true),
            ([["region": "DE", "to": "2020-01-01"]], false), ([["region": "DE", "from": "2999-01-01"]], false),
            ([["region": "FR"], ["region": "*", "from": "2020-01-01"]], true), ([], true),
        ] as [([JSON], Bool)])
    func availability(places: [JSON], isAllowed: Bool) async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.publish(.sample(1, metadata: ["availability": .array(places)]), execution: 1)
        _ = try await accounts(catalogue).grant(
            .init(account: "a", profile: "p", country: "DE", tokenSHA256: Self.token(1), seconds: 60))
        let right = try await catalogue.reader.playbackRight(tokenSHA256: Self.token(1), titleID: "t-1")
        #expect(right?.refusal == (isAllowed ? nil : .availability(country: "DE")))
    }

    // MARK: Keys

    private static func key(_ number: Int, _ master: UInt8 = 1) -> StoredContentKey {
        StoredContentKey(
            keyID: "00000000-0000-4000-8000-00000000000\(number)", contentID: "t-1", label: "hd", scheme: "cbcs",
            provider: .own, sealed: [UInt8(number), master, 9], masterKeyID: [UInt8](repeating: master, count: 8))
    }

    /// Keeps keys as the Journal does: where its row is.
    private func keep(_ keys: [StoredContentKey], in catalogue: Catalogue, appends: Bool = true) async throws {
        let (sql, parameters) = StoredContentKey.statement(keeping: keys, firstParameter: 2)
        _ = try await catalogue.connection.query(
            "WITH appended AS (SELECT 1 WHERE $1), \(sql) SELECT 1", [.bool(appends)] + parameters,
            deadline: Catalogue.deadline)
    }

    @Test("keys are kept where the journal's row is, and once")
    func keepsKeys() async throws {
        let catalogue = try await Catalogue.make()
        let table = keys(catalogue)
        try await keep([Self.key(1)], in: catalogue, appends: false)
        #expect(try await table.key(Self.key(1).keyID) == nil)
        try await keep([Self.key(1), Self.key(2)], in: catalogue)
        try await keep([Self.key(1), Self.key(2)], in: catalogue)
        try await keep([], in: catalogue)
        #expect(try await table.key(Self.key(1).keyID) == Self.key(1))
        #expect(try await catalogue.count("content_key") == 2)
    }

    @Test("keys are sealed anew page by page, and never over a newer box")
    func renews() async throws {
        let catalogue = try await Catalogue.make()
        let table = keys(catalogue)
        let old = (1...5).map { Self.key($0) }
        try await keep(old, in: catalogue)
        let newID = [UInt8](repeating: 2, count: 8)
        let page = try await table.keys(notSealedUnder: newID, after: nil, limit: 3)
        #expect(page == Array(old.prefix(3)))
        #expect(try await table.keys(notSealedUnder: newID, after: page[2].keyID, limit: 3) == Array(old.suffix(2)))
        try await table.renew(page.map { ($0, Self.key(Int($0.sealed[0]), 2)) })
        #expect(try await table.keys(notSealedUnder: newID, after: nil, limit: 9) == Array(old.suffix(2)))
        // Another process was faster.
        try await table.renew([(Self.key(1), Self.key(1, 3))])
        #expect(try await table.key(Self.key(1).keyID) == Self.key(1, 2))
    }

    @Test("a title's licence has its own keys, of those that are licensed here, for active accounts")
    func licenses() async throws {
        let catalogue = try await Catalogue.make()
        var foreign = Self.key(3)
        foreign.provider = .speke
        try await keep([Self.key(1), Self.key(2), foreign], in: catalogue)
        var package = StepOutputs.package("p1")
        let ids = [1, 3].map { Self.key($0).keyID.filter { $0 != "-" } }
        package["renditions"] = .array(
            ids.map { ["kind": "video", "codecs": "avc1.64001f", "keyId": .string($0)] })
        try await catalogue.publish(
            PublishStatement(
                titleID: "t-1", executionID: Catalogue.executionID(1), title: "T", metadata: [:], package: package,
                thumbnails: nil, media: nil), execution: 1)
        _ = try await accounts(catalogue).grant(
            .init(account: "a", profile: "p", tokenSHA256: Self.token(1), seconds: 60))
        let asked = [1, 2, 3].map { Self.key($0).keyID }
        func licence(_ title: String = "t-1", _ account: String = "a", _ profile: String = "p") async throws -> [String]
        {
            try await catalogue.reader.licensedKeys(asked, titleID: title, accountID: account, profileID: profile)
                .map(\.keyID)
        }
        #expect(try await licence() == [Self.key(1).keyID])
        #expect(try await licence("t-2") == [])
        #expect(try await licence("t-1", "b") == [])
        #expect(try await licence("t-1", "a", "q") == [])
        let playback = try #require(try await catalogue.reader.playback("t-1"))
        #expect(playback.isProtected && !playback.isLicensedHere)
        try await catalogue.connection.script(
            "UPDATE catalogue.account SET state = 'closed'", deadline: Catalogue.deadline)
        #expect(try await licence() == [])
    }

    @Test("a package under a key that nobody has is not published")
    func refusesUnknownKeys() async throws {
        let catalogue = try await Catalogue.make()
        var package = StepOutputs.package("p1")
        package["renditions"] = [
            ["kind": "video", "codecs": "avc1.64001f", "keyId": .string(String(repeating: "ab", count: 16))]
        ]
        let statement = try PublishStatement(
            titleID: "t-1", executionID: Catalogue.executionID(1), title: "T", metadata: [:], package: package,
            thumbnails: nil, media: nil)
        let error = await #expect(throws: PostgresError.self) { try await catalogue.publish(statement, execution: 1) }
        #expect(error?.sqlstate == "23503")
        #expect(try await catalogue.count("title") == 0)
    }

    @Test(
        arguments: [
            ("who is signed in", "SELECT * FROM catalogue.session", nil),
            ("an account's country", "SELECT id, country, state FROM catalogue.account", nil),
            ("ceilings", "SELECT account_id, id, ceiling FROM catalogue.profile", nil),
            ("sealed keys", "SELECT * FROM catalogue.content_key", nil),
            ("no addresses", "SELECT email FROM catalogue.account", "42501"),
            ("no passwords", "SELECT password FROM catalogue.account", "42501"),
            ("no PINs", "SELECT pin FROM catalogue.profile", "42501"),
            ("and gives out no tokens", "DELETE FROM catalogue.session", "42501"),
            ("and makes no keys", "DELETE FROM catalogue.content_key", "42501"),
        ] as [(String, String, String?)])
    func theViewersRoleReads(_ name: String, _ sql: String, _ refusal: String?) async throws {
        try await check(CatalogStore.role, sql, refusal)
    }

    @Test(
        arguments: [
            ("SELECT * FROM catalogue.availability", nil), ("SELECT * FROM catalogue.content_key", "42501"),
            ("SELECT * FROM catalogue.session", "42501"), ("SELECT id FROM catalogue.account", "42501"),
        ] as [(String, String?)])
    func theDataWorkersRoleReads(_ sql: String, _ refusal: String?) async throws {
        try await check(CatalogStore.dataRole, sql, refusal)
    }

    private func check(_ role: String, _ sql: String, _ refusal: String?) async throws {
        let catalogue = try await Catalogue.make()
        try await catalogue.connection.script("SET ROLE \(role)", deadline: Catalogue.deadline)
        do {
            _ = try await catalogue.connection.query(sql, deadline: Catalogue.deadline)
            #expect(refusal == nil, "\(sql)")
        } catch {
            #expect(error.sqlstate == refusal, "\(sql): \(error)")
        }
    }
}
