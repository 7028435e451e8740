import EngineClient
import Foundation
import HTTP
import JSON
import Postgres
import Testing

extension EndToEnd {
    /// The nightly retraining on a stage of its own, whose catalogue and profiles are made by hand.
    @Suite struct RetrainingTests {
        private static let token = "a viewer's token"

        /// 48 titles of two genres, and 120 profiles that each watched twelve titles of their genre.
        private static func furnish(_ stage: TestStage) async throws -> PostgresConnection {
            let connection = try await PostgresConnection.connect(
                "postgresql://postgres@/showrunner?host=\(stage.directory)/socket&port=5432", applicationName: "test",
                deadline: .seconds(20))
            try await connection.script(
                """
                INSERT INTO catalogue.genre VALUES ('drama', 'Drama'), ('war', 'War');
                INSERT INTO catalogue.title (id, kind, name, languages, credits, package_prefix, hls_key, dash_key,
                    duration_seconds, published_at, version, execution_id)
                SELECT 't-' || n, 'movie', 'Film ' || n, '{en}', '[]', 'media/p', 'media/p/m.m3u8', 'media/p/m.mpd',
                    5400 + n, now(), n, gen_random_uuid()
                FROM generate_series(1, 48) AS n;
                INSERT INTO catalogue.title_genre
                SELECT 't-' || n, 1, CASE n % 2 WHEN 0 THEN 'drama' ELSE 'war' END FROM generate_series(1, 48) AS n;
                INSERT INTO catalogue.title_rating
                SELECT 't-' || n, 'age', '6', 6 FROM generate_series(1, 48) AS n WHERE n % 3 > 0;
                UPDATE catalogue.version SET value = 48;
                INSERT INTO catalogue.account (id) SELECT 'a' || n FROM generate_series(0, 119) AS n;
                INSERT INTO catalogue.profile (account_id, id, name)
                SELECT 'a' || n, 'main', 'main' FROM generate_series(0, 119) AS n;
                INSERT INTO catalogue.interaction
                    (account_id, profile_id, event_id, title_id, kind, value, at, recorded_at)
                SELECT 'a' || n, 'main', gen_random_uuid(), 't-' || (n / 2 % 12 + place) % 24 * 2 + n % 2 + 1, 'play', 1,
                    now() - interval '10 days' + make_interval(mins => place * 20, secs => n),
                    now() - interval '1 hour'
                FROM generate_series(0, 119) AS n, generate_series(0, 11) AS place;
                INSERT INTO catalogue.account (id) VALUES ('ada');
                INSERT INTO catalogue.profile (account_id, id, name, ceiling)
                VALUES ('ada', 'main', 'Ada', NULL), ('ada', 'kids', 'Kids', 6);
                INSERT INTO catalogue.session (token_sha256, account_id, profile_id, expires_at)
                VALUES (sha256('\(token)'), 'ada', 'main', now() + interval '1 day'),
                    (sha256('kids'), 'ada', 'kids', now() + interval '1 day');
                """.replacing("'\(token)'", with: "'a viewer''s token'"), deadline: .seconds(30))
            return connection
        }

        private static func input(_ members: JSON = [:]) -> String {
            var input: JSON = [
                "cutoff": .string(Date.now.addingTimeInterval(-60).formatted(.iso8601)), "profilesOfShard": 50,
                "candidates": [
                    [
                        "name": "slow",
                        "recipe": [
                            "dimensions": 64, "epochs": 200, "regularization": 0.01, "unobserved": 0.3,
                            "blend": ["factors": 0.6, "neighbours": 0.4],
                        ],
                    ]
                ],
            ]
            for (name, value) in members.objectValue ?? [:] { input[name] = value }
            return input.text
        }

        private static func start(_ stage: TestStage, _ machine: String, _ input: String) async throws -> String {
            let started = try await stage.showrunner("runs", "start", machine, "--input", input, "--json")
            try #require(started.status == 0, "\(started)")
            return try #require(try JSON(parsing: started.output)["executionArn"]?.stringValue)
        }

        private static func rows(_ stage: TestStage, _ token: String = token) async throws -> JSON {
            let answer = try await stage.http.send(
                HTTPRequest(
                    "GET", "\(stage.viewerURL)/v1/profiles/me/rows", headers: ["Authorization": "Bearer \(token)"]))
            try #require(answer.status == 200, "\(answer.status) \(answer.text)")
            return try JSON(parsing: answer.body)
        }

        /// The rows once a generation answers: by promise within seconds.
        private static func rows(_ stage: TestStage, of generation: JSON) async throws -> JSON {
            try await eventually("generation \(generation.text) answers", within: .seconds(20)) {
                let page = try await rows(stage)
                // JSON has a nil of its own, which would be found at once.
                return page["generation"] == generation ? .some(page) : JSON?.none
            }
        }

        private static func titles(_ page: JSON, _ kind: String? = nil) -> [Int] {
            (page["rows"]?.arrayValue ?? []).filter { kind == nil || $0["kind"]?.stringValue == kind }
                .flatMap { $0["items"]?.arrayValue ?? [] }
                .compactMap { $0["id"]?.stringValue.flatMap { Int($0.dropFirst(2)) } }
        }

        @Test(
            "a model is trained though its worker is killed, serves, is refused a worse successor, and is gone back to")
        func retrains() async throws {
            let stage = try await TestStage.start(workers: 0)
            do {
                let connection = try await Self.furnish(stage)
                try await Self.story(stage, connection)
                await connection.close()
            } catch {
                Issue.record(error, "\(stage.up.lastWords())")
            }
            try await stage.stop()
        }

        private static func story(_ stage: TestStage, _ connection: PostgresConnection) async throws {
            let first = try await start(stage, "retrain", input())
            try await eventually("a training is under way") {
                try await stage.entries(of: first, "Train").last?["worker"]?.stringValue == "data-worker"
            }
            let killed = try stage.kill9("data-worker")
            _ = try await stage.successor(of: killed, "data-worker")
            let run = try await stage.end(of: first)
            try #require(run["status"] == "SUCCEEDED", "\(run["error"]?.text ?? "") \(run["cause"]?.text ?? "")")
            let output = try #require(run["output"])
            #expect(output["published"] == true && output["chosen"] == "slow", "\(output.text)")
            let generation = try #require(output["generation"])
            let counted = try await connection.query(
                "SELECT count(*) AS n FROM catalogue.recommendation_generation", deadline: .seconds(10))
            #expect(counted[0].int("n") == 1)

            // A new profile gets what is popular, and after three plays what is like them, without any training.
            let cold = try await rows(stage, of: generation)
            #expect(cold["personalised"] == false && !titles(cold, "popular").isEmpty)
            let plays = [2, 4, 6].map { title -> JSON in
                [
                    "id": .string(UUID().uuidString), "title": .string("t-\(title)"), "kind": "play", "watched": 1,
                    "at": .string(Date.now.formatted(.iso8601)),
                ]
            }
            let batch: JSON = ["events": .array(plays)]
            let told = try await stage.http.send(
                HTTPRequest(
                    "POST", "\(stage.viewerURL)/v1/profiles/me/interactions",
                    headers: ["Authorization": "Bearer \(token)"], body: .bytes(batch.utf8)))
            #expect(told.status == 200, "\(told.text)")
            let warm = try await rows(stage)
            #expect(warm["personalised"] == true)
            let picks = titles(warm, "top_picks")
            #expect(picks.prefix(8).count { $0.isMultiple(of: 2) } >= 7, "\(picks)")
            #expect(Set(titles(warm)).isDisjoint(with: [2, 4, 6]))
            let child = try await rows(stage, "kids")
            #expect(titles(child).allSatisfy { $0 % 3 > 0 })
            try await look(stage)

            // What is not published any more is shown to nobody, though the model knows it.
            let gone = try #require(picks.first)
            try await connection.script(
                "DELETE FROM catalogue.title WHERE id = 't-\(gone)'; UPDATE catalogue.version SET value = value + 1",
                deadline: .seconds(10))
            try await eventually("t-\(gone) is gone", within: .seconds(10)) {
                let page = try await rows(stage)
                return !titles(page).contains(gone)
            }

            try await refuse(stage)
            let second = try await stage.end(of: try await start(stage, "retrain", input()))
            #expect(second["output"]?["previous"] == generation, "\(second["cause"]?.text ?? "")")
            // Yesterday and today side by side: the candidate, and what the generation in service was measured with.
            let comparison = try #require(second["output"]?["comparison"], "\(second["output"]?.text ?? "")")
            #expect(comparison["serving"]?["generation"] == generation, "\(comparison.text)")
            let figures = [comparison["candidate"], comparison["baseline"], comparison["serving"]?["metrics"]].map {
                $0?["ndcg@100"]?.doubleValue
            }
            #expect(!figures.contains(nil), "\(comparison.text)")
            #expect(figures[2] == output["comparison"]?["candidate"]?["ndcg@100"]?.doubleValue, "\(comparison.text)")
            _ = try await rows(stage, of: try #require(second["output"]?["generation"]))
            let back = try await stage.end(of: try await start(stage, "rollback-recommendations", "{}"))
            #expect(back["output"]?["generation"] == generation, "\(back.text.prefix(2000))")
            _ = try await rows(stage, of: generation)
        }

        /// A run whose candidate is not judged good enough fails, says why, and changes nothing.
        private static func refuse(_ stage: TestStage) async throws {
            let arn = try await start(stage, "retrain", input(["minimumProfiles": 100_000]))
            let refused = try await stage.end(of: arn)
            #expect(refused["status"] == "FAILED" && refused["error"] == "Showrunner.ModelRefused")
            #expect(
                refused["cause"]?.stringValue?.contains("100000 are needed") == true, "\(refused["cause"]?.text ?? "")")
        }

        private static func look(_ stage: TestStage) async throws {
            guard Browser.isInstalled else { return }
            try await Browser.use { browser in
                try await browser.open(stage.viewerURL + "/#/sign-in")
                try await browser.wait(until: "document.querySelector('#access-token') != null")
                let enter = "document.querySelector('#access-token').value"
                let send = "document.querySelector('.sign-in-form button').click()"
                _ = try await browser.evaluate("\(enter) = 'nobody'; \(send);")
                try await browser.wait(until: "document.querySelector('#token-says[role=alert]') != null")
                _ = try await browser.evaluate("\(enter) = \"\(token)\"; \(send);")
                try await browser.wait(until: "document.querySelectorAll('section.row').length >= 3")
                let heading = try await browser.evaluate("return document.querySelector('section.row h2').innerText")
                #expect(heading == "Top picks for you")
                #expect(
                    try await browser.evaluate(
                        "return document.querySelector('.row .reason')?.innerText.startsWith('Because you liked Film ')"
                    )
                        == true)
                try await browser.screenshot("viewer-rows")
                // The refused token is the only thing to complain about.
                let complaints = try await browser.complaints()
                #expect(complaints.allSatisfy { $0.contains("401") }, "\(complaints)")
            }
        }
    }
}
