import JSON
import Journal

/// Part of an alias's routing as it is asked for: a version's ARN and its share.
public struct RequestedRoute: Sendable, Hashable {
    public let versionARN: String
    /// Percent.
    public let weight: Int

    public init(versionARN: String, weight: Int) {
        self.versionARN = versionARN
        self.weight = weight
    }
}

extension Engine {
    /// Makes an alias. The same request again answers with the alias that it made.
    ///
    /// Throws `.invalid` for a routing that is none, `.resourceNotFound` for a version that is not there, `.conflict` for
    /// a name with other content.
    public func createAlias(name: String, description: String?, routes: [RequestedRoute]) async throws(EngineError)
        -> AliasView
    {
        try requireReady()
        try checkDescription(description)
        _ = try checked(routes)
        return try await changingRegistry { () async throws(EngineError) in
            let (machineName, routes) = try checked(routes)
            var machine = try machine(named: machineName, asked: ResourceName.stateMachine(machineName).arn)
            if machine.isDeleting { throw isDeleting(machine) }
            if let existing = machine.aliases[name] {
                guard existing.routes == routes, existing.description == description else {
                    throw EngineError(
                        code: .conflict,
                        message: "Failed to create alias because an alias with the same name and a different routing "
                            + "configuration already exists.")
                }
                return view(of: existing, in: machine)
            }
            guard machine.aliases.count < Self.aliasesLimit else {
                throw EngineError(
                    code: .quotaExceeded, message: "The machine has \(Self.aliasesLimit) aliases, which is the limit.")
            }
            let instant = now
            let alias = Alias(
                name: name, description: description, routes: routes, createdAt: instant, updatedAt: instant)
            try await written { try await journal.saveAlias(alias.stored(of: machineName)) }
            machine.aliases[name] = alias
            machines[machineName] = machine
            return view(of: alias, in: machine)
        }
    }

    /// Changes an alias; what is nil stays. Throws `.resourceNotFound`, `.invalid`.
    public func updateAlias(_ arn: String, description: String?, routes: [RequestedRoute]?) async throws(EngineError)
        -> AliasView
    {
        try requireReady()
        try checkDescription(description)
        return try await changingRegistry { () async throws(EngineError) in
            var (machine, alias) = try alias(arn)
            if let routes {
                let (name, checked) = try checked(routes)
                guard name == machine.name else {
                    throw EngineError(
                        code: .invalid, message: "The versions of an alias belong to its own state machine.")
                }
                alias.routes = checked
            }
            alias.description = description ?? alias.description
            alias.updatedAt = now
            let changed = alias
            try await written { try await journal.saveAlias(changed.stored(of: machine.name)) }
            machine.aliases[alias.name] = alias
            machines[machine.name] = machine
            return view(of: alias, in: machine)
        }
    }

    /// Throws `.resourceNotFound`.
    public func describeAlias(_ arn: String) throws(EngineError) -> AliasView {
        try requireReady()
        let (machine, alias) = try alias(arn)
        return view(of: alias, in: machine)
    }

    /// Removes an alias; one that is not there is no error.
    public func deleteAlias(_ arn: String) async throws(EngineError) {
        try requireReady()
        guard case .alias(let name, let aliasName) = try ResourceName(arn: arn) else {
            throw EngineError.invalidARN("Resource type not valid in this context: stateMachine")
        }
        try await changingRegistry { () async throws(EngineError) in
            guard var machine = machines[name], machine.aliases[aliasName] != nil else { return }
            try await written { try await journal.deleteAlias(machine: name, name: aliasName) }
            machine.aliases[aliasName] = nil
            machines[name] = machine
        }
    }

    /// A machine's aliases, or those that lead to one of its versions, in the order of their making.
    public func listAliases(of arn: String, limit: Int, after mark: String?) throws(EngineError) -> Page<AliasView> {
        try requireReady()
        let machine: Machine
        var version: Int?
        switch try ResourceName(arn: arn) {
        case .stateMachine(let name): machine = try self.machine(named: name, asked: arn)
        case .version(let name, let number):
            machine = try self.machine(named: name, asked: arn)
            guard machine.versions[number] != nil else { throw EngineError.noMachine(arn) }
            version = number
        case .alias, .mapState: throw EngineError.noMachine(arn)
        case let other: throw other.isOutOfPlace
        }
        let all = machine.aliases.values.filter { alias in
            version.map { version in alias.routes.contains { $0.version == version } } ?? true
        }
        let start = mark.flatMap { mark in all.firstIndex { $0.name == mark } }.map { $0 + 1 } ?? 0
        let page = all.dropFirst(start).prefix(limit)
        return Page(
            items: page.map { view(of: $0, in: machine) },
            next: start + page.count < all.count ? page.last?.name : nil)
    }

    private func alias(_ arn: String) throws(EngineError) -> (Machine, Alias) {
        guard case .alias(let name, let aliasName) = try ResourceName(arn: arn), let machine = machines[name],
            let alias = machine.aliases[aliasName]
        else {
            throw EngineError(
                code: .resourceNotFound, message: "Request references a resource that does not exist.")
        }
        return (machine, alias)
    }

    /// The machine and the versions that a routing names, by AWS's rules.
    private func checked(_ routes: [RequestedRoute]) throws(EngineError) -> (machine: String, routes: [Route]) {
        let received = "Received: [\(routes.map(\.versionARN).joined(separator: ", "))]"
        var machines: Set<String> = []
        var checked: [Route] = []
        for route in routes {
            guard case .version(let machine, let number) = try ResourceName(arn: route.versionARN) else {
                throw EngineError(
                    code: .invalid,
                    message: "Routing configuration must contain state machine version ARNs. \(received)")
            }
            machines.insert(machine)
            checked.append(Route(version: number, weight: route.weight))
        }
        guard Set(checked.map(\.version)).count == checked.count else {
            throw EngineError(
                code: .invalid,
                message: "Routing configuration must contain distinct state machine version ARNs. \(received)")
        }
        guard machines.count == 1, let machine = machines.first else {
            throw EngineError(
                code: .invalid,
                message: "Routing configuration must contain versions of one state machine. \(received)")
        }
        guard checked.reduce(0, { $0 + $1.weight }) == 100 else {
            throw EngineError(
                code: .invalid,
                message: "Sum of routing configuration weights must equal 100. "
                    + "Received: [\(checked.map { String($0.weight) }.joined(separator: ", "))]")
        }
        for (route, requested) in zip(checked, routes) {
            guard self.machines[machine]?.versions[route.version] != nil else {
                throw EngineError(
                    code: .resourceNotFound, message: "Resource not found: '\(requested.versionARN)'")
            }
        }
        return (machine, checked)
    }

    private func view(of alias: Alias, in machine: Machine) -> AliasView {
        AliasView(
            name: alias.name, arn: machine.arn(of: alias), description: alias.description,
            routes: alias.routes.map {
                (ResourceName.version(machine: machine.name, number: $0.version).arn, $0.weight)
            }, createdAt: alias.createdAt, updatedAt: alias.updatedAt)
    }
}
