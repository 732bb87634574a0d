using System.Text.Json.Nodes;
using Connectors.Testing;

namespace Connectors.Cli.Tests;

/// <summary>Somebody with a home directory and a shell who runs <c>connectors</c> as a process.</summary>
public sealed class Operator : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("operator-");
    private readonly Dictionary<string, string> _environment;
    private int _runs;

    public Operator()
    {
        var bin = _home.CreateSubdirectory("bin").FullName;
        var command = Path.Combine(bin, "connectors");
        File.WriteAllText(command, $"#!/bin/sh\nexec dotnet '{Assembly}' \"$@\"\n");
        File.SetUnixFileMode(command, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _environment = new Dictionary<string, string>
        {
            ["HOME"] = _home.FullName,
            ["PATH"] = $"{bin}:{Environment.GetEnvironmentVariable("PATH")}",
            ["DOTNET_CLI_HOME"] = _home.FullName,
        };
    }

    /// <summary>The command as it was built.</summary>
    public static string Assembly { get; } = Path.Combine(
        Tools.RepositoryRoot, "artifacts", "bin", "Cli", AppContext.BaseDirectory.TrimEnd('/').EndsWith("debug", StringComparison.OrdinalIgnoreCase) ? "debug" : "release", "connectors.dll");

    /// <summary>Variables for every run from now on.</summary>
    public IDictionary<string, string> Variables => _environment;

    public string PathOf(string file) => Path.Combine(_home.FullName, file);

    public string Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(file))!);
        File.WriteAllText(PathOf(file), text);
        return PathOf(file);
    }

    /// <summary>What <c>faas-cli login</c> leaves behind.</summary>
    public void LogIn(Uri gateway, string user, string password)
    {
        var token = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{user}:{password}"));
        Write(".openfaas/config.yml", $"auths:\n  - gateway: {gateway.AbsoluteUri.TrimEnd('/')}\n    auth: basic\n    token: {token}\n    options: []\n");
    }

    /// <summary>Runs <c>connectors</c> to its end; nobody is at its input.</summary>
    public async Task<Ran> RunAsync(params string[] arguments)
    {
        await using var running = Start(arguments);
        return await running.EndAsync();
    }

    /// <summary>Starts <c>connectors</c>; nobody is at its input.</summary>
    public Running Start(params string[] arguments) => Script("exec connectors \"$@\"", arguments);

    /// <summary>Starts a line of bash.</summary>
    public Running Script(string script, params string[] arguments)
    {
        var output = PathOf($"{Interlocked.Increment(ref _runs)}");
        var process = ChildProcess.Start("bash", ["-c", $"exec > {output}.out 2> {output}.err < /dev/null; {script}", "bash", .. arguments], _environment, bare: true);
        return new Running(process, output);
    }

    public void Dispose() => _home.Delete(recursive: true);
}

/// <summary>A run that has not ended, perhaps.</summary>
public sealed class Running(ChildProcess process, string output) : IAsyncDisposable
{
    public int Id => process.Id;

    public string Error => File.Exists(output + ".err") ? File.ReadAllText(output + ".err") : "";

    public async Task<Ran> EndAsync()
    {
        var exitCode = await process.ExitAsync();
        return new Ran(exitCode, await File.ReadAllBytesAsync(output + ".out"), Error);
    }

    /// <summary>Waits until standard error holds it.</summary>
    public Task TellsAsync(string text) => TellsAsync(error => error.Contains(text, StringComparison.Ordinal), text);

    /// <summary>Waits until standard error is as it is wanted.</summary>
    public async Task TellsAsync(Func<string, bool> isTold, string what)
    {
        await Eventually.HoldsAsync(() => isTold(Error) || process.HasExited, () => $"{what}; it wrote:\n{Error}");
        Assert.True(isTold(Error), $"It ended before this: {what}. It wrote:\n{Error}");
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}

/// <summary>A run that has ended.</summary>
public sealed record Ran(int ExitCode, byte[] Bytes, string Error)
{
    public string Out => System.Text.Encoding.UTF8.GetString(Bytes);

    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Standard output as JSON, after a run that went well.</summary>
    public JsonNode Json
    {
        get
        {
            Succeeds();
            return JsonNode.Parse(Out)!;
        }
    }

    public Ran Succeeds()
    {
        Assert.True(ExitCode == 0, $"{ExitCode}: {Error}{Out}");
        return this;
    }

    /// <summary>Ended with this code and one line of words, and no result.</summary>
    public void Fails(int exitCode, params string[] words)
    {
        Assert.True(exitCode == ExitCode, $"{ExitCode}: {Error}{Out}");
        Assert.Empty(Out);
        var line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("connectors: ", line, StringComparison.Ordinal);
        Assert.All(words, word => Assert.Contains(word, line, StringComparison.Ordinal));
    }
}
