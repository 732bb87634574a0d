using System.Collections;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using Connectors.Testing;

namespace Connectors.Benchmarks.Whole;

/// <summary>A process that takes part in a benchmark, and what it has used of the machine so far.</summary>
internal sealed class Part : IAsyncDisposable
{
    // /proc counts processor time in these.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly int _id;
    private readonly string? _allocations;
    private readonly IAsyncDisposable _process;

    private Part(string name, int id, IAsyncDisposable process, string? allocations) => (Name, _id, _process, _allocations) = (name, id, process, allocations);

    internal string Name { get; }

    internal Usage Usage
    {
        get
        {
            // The state follows the name, which stands in brackets; user and system time are the 12th and 13th field from there.
            var stat = File.ReadAllText($"/proc/{Text(_id)}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var ticks = long.Parse(stat[11], CultureInfo.InvariantCulture) + long.Parse(stat[12], CultureInfo.InvariantCulture);
            var status = File.ReadLines($"/proc/{Text(_id)}/status").ToList();
            return new Usage(ticks * Tick, Allocated(), Kibibytes("VmRSS:"), Kibibytes("RssAnon:") + Kibibytes("RssShmem:"));

            long Kibibytes(string name) => long.Parse(status.First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }

    internal static Part Of(NatsServer server) => new("nats-server", server.ProcessId, server, allocations: null);

    internal static Part Of(SqsServer server) => new("SQS server", server.ProcessId, server, allocations: null);

    internal static Part Of(string name, ChildProcess process) => new(name, process.Id, process, allocations: null);

    /// <summary>Starts a program, and waits until it listens. One that the runtime starts counts what it allocates.</summary>
    /// <param name="name">What its figures are called.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="environment">All of its environment, but for what every process needs.</param>
    /// <param name="isUp">Whether a line that it wrote says that it listens.</param>
    internal static async Task<(Part Part, ChildProcess Process, string Line)> StartAsync(
        string name, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, Func<string, bool> isUp)
    {
        var variables = new Dictionary<string, string>(Inherited.Where(variable => !environment.ContainsKey(variable.Key)).Concat(environment));
        string? allocations = null;
        if (command[0] == "dotnet")
        {
            allocations = Path.GetTempFileName();
            await File.WriteAllBytesAsync(allocations, new byte[sizeof(long)]);
            (variables["DOTNET_STARTUP_HOOKS"], variables[AllocationHook.Variable]) = (typeof(Part).Assembly.Location, allocations);
        }

        var process = ChildProcess.Start(command[0], command.Skip(1), variables, bare: true);
        return (new Part(name, process.Id, process, allocations), process, await process.LineAsync(isUp, $"{name} listens"));
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        if (_allocations is not null)
        {
            File.Delete(_allocations);
        }
    }

    private long? Allocated()
    {
        if (_allocations is null)
        {
            return null;
        }

        using var file = MemoryMappedFile.CreateFromFile(_allocations, FileMode.Open);
        using var view = file.CreateViewAccessor(0, sizeof(long));
        return view.ReadInt64(0);
    }

    // What ./bench itself is told of the runtime holds for all parts alike: DOTNET_TieredCompilation=0 ./bench relay, for example, measures without the JIT's second look.
    private static IEnumerable<KeyValuePair<string, string>> Inherited =>
        from variable in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        let name = (string)variable.Key
        where name.StartsWith("DOTNET_", StringComparison.Ordinal)
        select KeyValuePair.Create(name, (string)variable.Value!);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a process has used.</summary>
/// <param name="Cpu">Processor time since its start.</param>
/// <param name="Allocated">Bytes allocated since its start; null where that is not known.</param>
/// <param name="Resident">KiB in memory.</param>
/// <param name="Own">KiB of these that are no files which it shares with all who use them: heap, stacks, compiled code.</param>
internal readonly record struct Usage(TimeSpan Cpu, long? Allocated, long Resident, long Own);
