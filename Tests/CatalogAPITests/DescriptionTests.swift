import CatalogAPI
import CatalogTestSupport
import HTTPServer
import HTTPServerTestSupport
import JSON
import Testing

@Suite("Description and pages", .serialized)
struct DescriptionTests {
    @Test func theDescriptionAndTheRoutesAreTheSame() async throws {
        let viewers = try await Viewers.make()
        let document = try await viewers.with { client in
            try JSON(parsing: try await client.get("/openapi.json").body)
        }
        #expect(document["openapi"] == "3.1.0")
        var described: Set<String> = []
        for (path, item) in try #require(document["paths"]?.objectValue) {
            for method in try #require(item.objectValue).keys where method != "parameters" {
                described.insert("\(method.uppercased()) \(path)")
            }
        }
        // OpenAPI has no word for a parameter that contains slashes.
        let served = viewers.router().routes.map { route in
            "\(route.method.rawValue) \(route.path == "/media/**" ? "/media/{path}" : route.path)"
        }
        #expect(described == Set(served))
    }

    @Test func everyReferenceOfTheDescriptionIsThere() async throws {
        let document = try await Viewers.make().with { client in
            try JSON(parsing: try await client.get("/openapi.json").body)
        }
        var references = 0
        func visit(_ value: JSON) {
            switch value {
            case .object(let members):
                if let reference = members["$ref"]?.stringValue {
                    references += 1
                    let target = reference.dropFirst("#/".count).split(separator: "/")
                        .reduce(JSON?.some(document)) { $0?[String($1)] }
                    #expect(target != nil, "\(reference)")
                }
                for member in members.values { visit(member) }
            case .array(let elements): for element in elements { visit(element) }
            case .null, .bool, .integer, .double, .string: break
            }
        }
        visit(document)
        #expect(references > 10)
    }

    /// The members that the description says are required are exactly those that are sent.
    @Test func documentsHaveTheDescribedMembers() async throws {
        let viewers = try await Viewers.make()
        try await viewers.publishStored(1, metadata: ["genres": ["Drama"]])
        try await viewers.with { client in
            let description = try JSON(parsing: try await client.get("/openapi.json").body)
            func required(_ schema: String) -> Set<String> {
                let names = description["components"]?["schemas"]?[schema]?["required"]?.arrayValue ?? []
                return Set(names.compactMap(\.stringValue))
            }
            func members(_ path: String) async throws -> JSON {
                try JSON(parsing: try await client.get(path).body)
            }
            let page = try await members("/v1/titles")
            let title = try await members("/v1/titles/t-1")
            let playback = try await members("/v1/titles/t-1/playback")
            let problem = try await members("/v1/titles/none")
            #expect(Set(page.objectValue?.keys ?? []) == required("TitlePage"))
            #expect(Set(page["items"]?[0]?.objectValue?.keys ?? []) == required("TitleSummary"))
            #expect(Set(title.objectValue?.keys ?? []) == required("Title"))
            #expect(Set(title["genres"]?[0]?.objectValue?.keys ?? []) == required("Genre"))
            #expect(Set(title["posters"]?[0]?.objectValue?.keys ?? []) == required("Poster"))
            #expect(Set(playback.objectValue?.keys ?? []) == required("Playback"))
            #expect(Set(playback["renditions"]?[0]?.objectValue?.keys ?? []) == required("Rendition"))
            #expect(Set(problem.objectValue?.keys ?? []) == required("Problem"))
        }
    }

    @Test func thePagesReferToNothingThatIsNotServedAndHoldNothingInline() async throws {
        try await Viewers.make().with { client in
            let page = try await client.get("/")
            #expect(page["Content-Type"] == "text/html; charset=utf-8")
            #expect(page.text.firstMatch(of: /<script(?![^>]*\ssrc=)/) == nil)
            #expect(page.text.firstMatch(of: /<style|\sstyle=|\son[a-z]+=/) == nil)
            var open = page.text.matches(of: /(?:src|href)="(\/[^"]*)"/).map { String($0.1) }
            var seen: Set<String> = []
            while let path = open.popLast() {
                guard seen.insert(path).inserted else { continue }
                let file = try await client.get(path)
                #expect(file.status == 200, "\(path)")
                #expect(try await client.get(path, ["If-None-Match": file["ETag"] ?? ""]).status == 304, "\(path)")
                for found in file.text.matches(of: /from "\.\/([a-z]+\.js)"/) { open.append("/pages/\(found.1)") }
            }
            #expect(seen.count == 13)
        }
    }
}
