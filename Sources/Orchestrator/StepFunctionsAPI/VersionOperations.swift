import Engine
import JSON

extension Operations {
    func publishVersion(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        let revision = try arguments.optionalText("revisionId", length: 0...256)
        let description = try arguments.optionalText("description", length: 0...256)
        try arguments.check()
        let version = try await engine.publishVersion(of: machine, revisionID: revision, description: description)
        return [
            "stateMachineVersionArn": .string(version.arn), "creationDate": Self.timestamp(version.createdAt),
        ]
    }

    func deleteVersion(_ arguments: Arguments) async throws -> JSON {
        let version = try arguments.arn("stateMachineVersionArn")
        try arguments.check()
        try await engine.deleteVersion(version)
        return [:]
    }

    func listVersions(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        let page = try await engine.listVersions(
            of: machine, limit: limit, after: try await mark(token, "ListStateMachineVersions", machine))
        let versions = page.items.map { version -> JSON in
            [
                "stateMachineVersionArn": .string(version.arn), "creationDate": Self.timestamp(version.createdAt),
            ]
        }
        return .members(
            ("stateMachineVersions", .array(versions)),
            ("nextToken", try await self.token(page.next, "ListStateMachineVersions", machine)))
    }

    // MARK: Aliases

    func createAlias(_ arguments: Arguments) async throws -> JSON {
        let name = try arguments.text("name", length: 1...80, pattern: .aliasName)
        let description = try arguments.optionalText("description", length: 0...256)
        arguments.demand("routingConfiguration")
        let routes = try arguments.routes() ?? []
        try arguments.check()
        let alias = try await engine.createAlias(name: name, description: description, routes: routes)
        return [
            "stateMachineAliasArn": .string(alias.arn), "creationDate": Self.timestamp(alias.createdAt),
        ]
    }

    func updateAlias(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("stateMachineAliasArn")
        let description = try arguments.optionalText("description", length: 0...256)
        let routes = try arguments.routes()
        try arguments.check()
        guard description != nil || routes != nil else {
            throw ServiceError.validation("At least one of description or routingConfiguration must be provided.")
        }
        let alias = try await engine.updateAlias(arn, description: description, routes: routes)
        return ["updateDate": Self.timestamp(alias.updatedAt)]
    }

    func describeAlias(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("stateMachineAliasArn")
        try arguments.check()
        let alias = try await engine.describeAlias(arn)
        let routes = alias.routes.map { route -> JSON in
            ["stateMachineVersionArn": .string(route.version), "weight": .integer(route.weight)]
        }
        return .members(
            ("stateMachineAliasArn", .string(alias.arn)), ("name", .string(alias.name)),
            ("description", alias.description.map(JSON.string)), ("routingConfiguration", .array(routes)),
            ("creationDate", Self.timestamp(alias.createdAt)), ("updateDate", Self.timestamp(alias.updatedAt)))
    }

    func deleteAlias(_ arguments: Arguments) async throws -> JSON {
        let arn = try arguments.arn("stateMachineAliasArn")
        try arguments.check()
        try await engine.deleteAlias(arn)
        return [:]
    }

    func listAliases(_ arguments: Arguments) async throws -> JSON {
        let machine = try arguments.arn("stateMachineArn")
        let limit = try arguments.maxResults()
        let token = try arguments.nextToken()
        try arguments.check()
        let page = try await engine.listAliases(
            of: machine, limit: limit, after: try await mark(token, "ListStateMachineAliases", machine))
        let aliases = page.items.map { alias -> JSON in
            ["stateMachineAliasArn": .string(alias.arn), "creationDate": Self.timestamp(alias.createdAt)]
        }
        return .members(
            ("stateMachineAliases", .array(aliases)),
            ("nextToken", try await self.token(page.next, "ListStateMachineAliases", machine)))
    }

    // MARK: Tags

    func tagResource(_ arguments: Arguments) async throws -> JSON {
        let resource = try arguments.arn("resourceArn")
        arguments.demand("tags")
        let tags = try arguments.tags() ?? []
        try arguments.check()
        try await engine.tag(resource, tags)
        return [:]
    }

    func untagResource(_ arguments: Arguments) async throws -> JSON {
        let resource = try arguments.arn("resourceArn")
        arguments.demand("tagKeys")
        let keys = try arguments.texts("tagKeys", count: 0...200) ?? []
        try arguments.check()
        try await engine.untag(resource, keys: keys)
        return [:]
    }

    func listTags(_ arguments: Arguments) async throws -> JSON {
        let resource = try arguments.arn("resourceArn")
        try arguments.check()
        let tags = try await engine.tags(of: resource)
        return ["tags": .array(tags.map { ["key": .string($0.key), "value": .string($0.value)] })]
    }
}

extension Arguments.Pattern {
    /// Letters, digits, `_`, `-` and `.`, and not digits alone: those are versions.
    fileprivate static let aliasName = Arguments.Pattern(
        text: "^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$",
        matches: { name in
            let isAllowed = name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || isWord(byte)
            }
            return isAllowed && name.utf8.contains(where: isWord)
        })

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || [0x5F, 0x2D, 0x2E].contains(byte)
    }
}

extension Arguments {
    fileprivate func routes() throws -> [RequestedRoute]? {
        try objects("routingConfiguration", count: 1...2) { route in
            "RoutingConfigurationListItem(stateMachineVersionArn="
                + "\(route["stateMachineVersionArn"]?.stringValue ?? "null"), "
                + "weight=\(route["weight"]?.text ?? "null"))"
        }?.map { route in
            route.demand("weight")
            return RequestedRoute(
                versionARN: try route.arn("stateMachineVersionArn"),
                weight: try route.integer("weight", in: 0...100) ?? 0)
        }
    }
}
