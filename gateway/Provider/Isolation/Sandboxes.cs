using System.IO.Enumeration;
using Connectors.Provider.Contracts;
using Connectors.Provider.Processes;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Isolation;

/// <summary>Keeps functions from the gateway's files and processes, as far as this machine allows; chosen once, before the first function runs.</summary>
internal sealed class Sandboxes(ProviderOptions options, ILogger<Sandboxes> log)
{
    private static readonly FunctionIsolation[] ByStrength = [FunctionIsolation.Namespaces, FunctionIsolation.User, FunctionIsolation.None];

    // What is to be read-only is looked at too: mount passes over a directory that is a mount already, and says nothing.
    private const string Trial = "cd \"$HOME\" && : > tried && if test -w \"$1\"; then echo \"$1 can be written\"; exit 1; fi";

    // No function is called so.
    private const string Unfinished = ".unfinished";

    private readonly string _views = options.Data.Views;
    private FunctionIsolation _kind = FunctionIsolation.None;

    // The gateway's program, which its own user could change; null for another user, whom modes keep out, and where it cannot be helped.
    private string? _readOnly;

    /// <summary>Who functions run as and own their files; null for the gateway's own user.</summary>
    public int? User => UserOf(_kind);

    // The first line of a view.
    private string Owner => $"# owner {User}";

    /// <summary>Tries what is asked for, by running a process that way.</summary>
    /// <exception cref="ConfigurationException">It was asked for by name and does not work here.</exception>
    public async Task ChooseAsync(CancellationToken ct)
    {
        var faults = new List<string>();
        foreach (var kind in options.Isolation == FunctionIsolation.Auto ? ByStrength : [options.Isolation])
        {
            _kind = kind;
            if (kind == FunctionIsolation.None || await FaultAsync(ct) is not { } fault)
            {
                Tell(kind, string.Join("; ", faults));
                return;
            }

            faults.Add($"{Name(kind)}: {fault}");
        }

        throw new ConfigurationException($"function_isolation: {faults[0]}. See docs/provider.md for what it needs, or leave it to auto");
    }

    /// <summary>Makes a function's own directory, and what its processes will see.</summary>
    public Sandbox Prepare(FunctionName function, string? secrets, IReadOnlyList<string> limits) =>
        Prepare(FunctionFolder.Of(options, function), ViewOf(function), secrets, limits);

    /// <summary>Makes a function's own directory; what its processes will see stays as it was.</summary>
    public void MakeFolder(FunctionName function) => MakeFolder(FunctionFolder.Of(options, function), ViewOf(function));

    /// <summary>Whether a function has a directory, be it one that somebody made for it.</summary>
    public bool HasFolder(FunctionName function) => Directory.Exists(FunctionFolder.Of(options, function));

    /// <summary>Functions that were given a directory here, and whose removal has not come to its end.</summary>
    public IEnumerable<FunctionName> Prepared() => DataFolder.FunctionsIn(_views).Where(view => !view.Name.EndsWith(Unfinished, StringComparison.Ordinal));

    /// <summary>Whether a function is among them.</summary>
    public bool HasPrepared(FunctionName function) => File.Exists(ViewOf(function));

    /// <summary>Removes a function's directory. As the function would: in a directory of its own it may have laid a link to anywhere.</summary>
    public async Task RemoveAsync(FunctionName function)
    {
        var folder = FunctionFolder.Of(options, function);
        try
        {
            var sandbox = Prepare(folder, ViewOf(function), secrets: null, limits: []);
            if (sandbox.Kind != FunctionIsolation.None)
            {
                await RunAsync(sandbox, ["rm", "-rf", "--", folder], CancellationToken.None);
            }

            Directory.Delete(folder, recursive: sandbox.Kind == FunctionIsolation.None);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            // A process that escaped may write there, or there is no room for the view, which stays: by it the next start tries again.
            Log.FolderLeft(log, folder, fault.Message);
            return;
        }

        Forget(function);
    }

    /// <summary>Removes what was written down of a function whose directory is left to whoever made it.</summary>
    public void Forget(FunctionName function)
    {
        foreach (var view in new[] { ViewOf(function), ViewOf(function) + Unfinished })
        {
            if (File.Exists(view))
            {
                File.Delete(view);
            }
        }
    }

    private string ViewOf(FunctionName function) => Path.Combine(_views, function.Namespace, function.Name);

    private void MakeFolder(string folder, string view)
    {
        var isNew = !Directory.Exists(folder);
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        Directory.CreateDirectory(folder, DataFolder.Private);
        if (User is not { } user)
        {
            Close(folder);
        }
        else if (isNew || !(File.Exists(view) && File.ReadLines(view).FirstOrDefault() == Owner))
        {
            HandOver(folder, user);
        }
    }

    private Sandbox Prepare(string folder, string view, string? secrets, IReadOnlyList<string> limits)
    {
        MakeFolder(folder, view);
        Directory.CreateDirectory(Path.GetDirectoryName(view)!);
        WriteView(view, $"{Owner}\n{MountTable.Of(_readOnly, HiddenPaths.Of(options, User), folder, secrets)}");
        return new Sandbox(_kind, User, folder, secrets, view, limits);
    }

    // Beside its place first: processes that start meanwhile, or once a full disk has cut it short, would see what it hides.
    private static void WriteView(string view, string content)
    {
        var unfinished = view + Unfinished;
        try
        {
            File.WriteAllText(unfinished, content);
            File.Move(unfinished, view, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    // One that was there before is as open as whoever made it left it.
    private static void Close(string folder)
    {
        try
        {
            File.SetUnixFileMode(folder, DataFolder.Private);
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's, who lets ours in.
        }
    }

    // Once, before any process of that user could have laid links in it: the view says that it was done. Links that an older gateway's functions laid are
    // given over themselves; what they name is not the function's.
    private static void HandOver(string folder, int user)
    {
        var entries = new FileSystemEnumerable<string>(folder, (ref entry) => entry.ToFullPath(), new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        {
            ShouldRecursePredicate = (ref entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
        foreach (var path in entries.ToList())
        {
            UserIds.Give(path, user);
        }

        File.SetUnixFileMode(folder, DataFolder.Private);
        UserIds.Give(folder, user);
    }

    // Null if processes can be started this way.
    private async Task<string?> FaultAsync(CancellationToken ct)
    {
        if (_kind == FunctionIsolation.User && User is null)
        {
            return "the gateway is not root";
        }

        _readOnly = _kind == FunctionIsolation.Namespaces && User is null && GatewayProcess.Folder != "/" ? GatewayProcess.Folder : null;
        var fault = await TrialFaultAsync(ct);
        if (fault is null || _readOnly is not { } program)
        {
            return fault;
        }

        // It may be that alone: a program that lies on a mount of its own, for one.
        _readOnly = null;
        var other = await TrialFaultAsync(ct);
        if (other is null)
        {
            Log.ProgramWritable(log, program, fault);
        }

        return other;
    }

    private async Task<string?> TrialFaultAsync(CancellationToken ct)
    {
        try
        {
            var trial = Path.Combine(options.DataPath, "trial");
            return await RunAsync(Prepare(trial, Path.Combine(_views, ".trial"), null, []), ["sh", "-c", Trial, "trial", _readOnly ?? ""], ct);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return fault.Message;
        }
    }

    // Null if it ended well, otherwise what it said.
    private static async Task<string?> RunAsync(Sandbox sandbox, IReadOnlyList<string> command, CancellationToken ct)
    {
        var variables = FunctionFolder.Variables(new FunctionDeployment(), sandbox.Folder, secrets: null);
        using var process = (await ProcessGroup.StartAsync(sandbox.Plan(command, variables, mergesErrors: true)))!;
        process.Input.Close();
        using var output = new StreamReader(process.Output);
        using var errors = new StreamReader(process.Errors);
        var said = await Task.WhenAll(output.ReadToEndAsync(ct), errors.ReadToEndAsync(ct));
        await process.ExitedAsync(ct);
        return process.ExitCode == 0 ? null : $"{string.Concat(said).Trim()} (exit code {process.ExitCode})";
    }

    private int? UserOf(FunctionIsolation kind) => kind != FunctionIsolation.None && Environment.IsPrivilegedProcess ? options.FunctionUser : null;

    private void Tell(FunctionIsolation kind, string why)
    {
        Log.Isolated(log, Name(kind), User);
        if (kind == FunctionIsolation.User)
        {
            Log.FunctionsShareUser(log, why, string.Join(", ", Readable()));
        }
        else if (kind == FunctionIsolation.None && options.Isolation == FunctionIsolation.Auto)
        {
            Log.NotIsolated(log, why);
        }
    }

    // What kept apart by user alone is open to every user.
    private IEnumerable<string> Readable() =>
        HiddenPaths.Of(options, User)
            .SelectMany(path => Directory.Exists(path) && path != options.DataPath ? Directory.EnumerateFiles(path) : [path])
            .Where(path => File.Exists(path) && (File.GetUnixFileMode(path) & UnixFileMode.OtherRead) != 0 && HiddenPaths.FirstClosed(path) is null);

    private static string Name(FunctionIsolation kind) => kind.ToString().ToLowerInvariant();
}
