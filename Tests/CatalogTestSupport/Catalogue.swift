public import CatalogStore
public import JSON
public import Postgres
import PostgresTestSupport

/// A catalogue on a real private server, with a table that stands for the journal.
public struct Catalogue: Sendable {
    public static let deadline: Duration = .seconds(20)

    public let connection: PostgresConnection
    public let reader: CatalogReader

    public static func make() async throws -> Catalogue {
        let url = try await TestDatabase.copy(of: "catalogue") { url in
            let connection = try await PostgresConnection.connect(
                url, applicationName: "test", deadline: deadline)
            try await CatalogStore.migrate(connection)
            try await connection.script(
                "CREATE TABLE public.journal (execution_id uuid PRIMARY KEY, seq bigint NOT NULL)", deadline: deadline)
            await connection.close()
        }
        return try await connect(url)
    }

    public static func connect(_ url: String) async throws -> Catalogue {
        let connection = try await PostgresConnection.connect(url, applicationName: "test", deadline: deadline)
        let reader = CatalogReader { (sql, parameters) throws(PostgresError) in
            try await connection.query(sql, parameters, deadline: deadline)
        }
        return Catalogue(connection: connection, reader: reader)
    }

    /// Publishes as the Journal does: the row of a table expression `appended` decides.
    public func publish(_ statement: PublishStatement, execution: Int, appends: Bool = true) async throws(PostgresError)
    {
        let (sql, parameters) = statement.statement(firstParameter: 3)
        _ = try await connection.query(
            """
            WITH appended AS (
                INSERT INTO public.journal (execution_id, seq) SELECT $1::uuid, 7 WHERE $2
                ON CONFLICT DO NOTHING RETURNING execution_id, seq
            ), \(sql) SELECT seq FROM appended
            """, [.uuid(Self.executionID(execution)), .bool(appends)] + parameters, deadline: Self.deadline)
    }

    public static func executionID(_ number: Int) -> String {
        let digits = String(number)
        return "0190a000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    public func count(_ table: String) async throws -> Int64 {
        let rows = try await connection.query(
            "SELECT count(*) AS n FROM catalogue.\(table)", deadline: Self.deadline)
        return rows[0].int("n")
    }
}

/// Step outputs as a workflow hands them to the publish step.
public enum StepOutputs {
    public static func reference(_ key: String, bytes: Int = 10, digit: Character = "a") -> JSON {
        ["key": .string(key), "bytes": .integer(bytes), "sha256": .string(String(repeating: digit, count: 64))]
    }

    public static func package(_ name: String = "p1", objects: [JSON] = []) -> JSON {
        [
            "prefix": .string("media/\(name)"),
            "hls": .string("media/\(name)/master.m3u8"),
            "dash": .string("media/\(name)/manifest.mpd"),
            "objects": .array(
                [reference("media/\(name)/master.m3u8"), reference("media/\(name)/manifest.mpd", digit: "b")] + objects),
            "durationSeconds": 12.5,
            "renditions": [
                [
                    "kind": "video", "codecs": "avc1.64001f", "width": 1280, "height": 720, "frameRate": "30000/1001",
                    "bandwidth": 2_800_000, "averageBandwidth": 2_100_000,
                ],
                [
                    "kind": "audio", "codecs": "mp4a.40.2", "bandwidth": 130_000, "averageBandwidth": 128_000,
                    "language": "en",
                ],
            ],
        ]
    }

    public static let thumbnails: JSON = [
        "poster": reference("thumbs/p1/poster.jpg"), "thumbnails": reference("thumbs/p1/track.vtt"),
        "sprites": [reference("thumbs/p1/sprite-0.jpg")],
        "tile": ["width": 160, "height": 90, "columns": 5, "rows": 5, "intervalSeconds": 2],
    ]
}

extension PublishStatement {
    /// A title of the number given, with a package of its own.
    public static func sample(_ number: Int, metadata: JSON = [:], thumbnails: JSON? = nil) throws(PublishError) -> Self
    {
        try PublishStatement(
            titleID: "t-\(number)", executionID: Catalogue.executionID(number), title: "Title \(number)",
            metadata: metadata, package: StepOutputs.package("p\(number)"), thumbnails: thumbnails, media: nil)
    }
}
