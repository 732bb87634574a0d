using System.Net;
using System.Text.RegularExpressions;
using Connectors.Provider.Isolation;
using Connectors.Testing;

namespace Connectors.Gateway.Tests;

/// <summary>
/// What a hostile function cannot reach. Run by root or by an ordinary user; on a machine that allows neither another user nor namespaces the gateway has
/// to say so, and that is then what is looked for.
/// </summary>
public sealed partial class IsolationTests
{
    private const string Canary = "of-the-gateways-environment";
    private const string OtherSecret = "of-another-function";
    private const string Socket = "of-the-users-services";

    // Reads whatever holds a secret, and changes what is not its own, by every way that comes to mind; then does what a function may do.
    private const string Hostile = """
        sh -c '
          data=$1; secrets=$2; runtime=$4; written=$5
          cat $secrets/* $data/secrets/openfaas-fn/* $data/mounts/openfaas-fn/other/* $data/work/openfaas-fn/other/* $data/functions/openfaas-fn/* $data/logs/openfaas-fn/*
          cat ../../../../secrets/* ../../../secrets/openfaas-fn/* ../../../mounts/openfaas-fn/other/* ../other/*
          for p in /proc/[0-9]*; do cat $p/environ $p/root$secrets/* $p/cwd/data/secrets/openfaas-fn/*; done | tr "\0" "\n" | grep -v "^Http_"
          umount $secrets $data /proc; cat $secrets/* $data/secrets/openfaas-fn/*
          unshare --user --map-root-user --mount sh -c "umount -R $secrets $data /proc; mount -t proc proc /proc; cat $secrets/* $data/secrets/openfaas-fn/* /proc/[0-9]*/environ"
          nsenter --target 1 --mount cat $secrets/basic-auth-password
          ls /tmp/dotnet-diagnostic-$3-* /tmp/clr-debug-pipe-$3-*
          for p in /proc/[0-9]*; do ls $p/fd; done
          cat $runtime/*; umount $runtime; cat $runtime/*
          touch $written; chmod u+w ${written%/*}; mount -o remount,rw ${written%/*}; umount ${written%/*}; touch $written
          unshare --user --map-root-user --mount sh -c "umount $runtime ${written%/*}; mount -o remount,bind,rw ${written%/*}; cat $runtime/*; touch $written"
          cat $secret_mount_path/own; echo kept > $HOME/file && cat file; pwd
        ' function DATA SECRETS GATEWAY RUNTIME WRITTEN
        """;

    private static readonly string[] OrdinaryUser = ["unshare", "--user", "--map-user=65534", "--map-group=65534"];

    public enum Gateway
    {
        /// <summary>As whoever runs the tests.</summary>
        Plain,

        /// <summary>Without root's rights.</summary>
        Ordinary,

        /// <summary>With its data where only it may pass.</summary>
        Private,
    }

    [Theory]
    [InlineData(Gateway.Plain)]
    [InlineData(Gateway.Ordinary)]
    [InlineData(Gateway.Private)]
    public async Task A_hostile_function_reads_nothing_of_the_gateways_and_all_of_its_own(Gateway kind)
    {
        var apart = Directory.CreateTempSubdirectory("private-").FullName;
        var runtime = Directory.CreateTempSubdirectory("runtime-").FullName;
        await File.WriteAllTextAsync(Path.Combine(runtime, "socket"), Socket);
        var written = Path.Combine(ProgramFolder, $"written-{Guid.NewGuid():N}");
        await using var gateway = await StartAsync(kind, kind == Gateway.Private ? Path.Combine(apart, "data") : null, ("XDG_RUNTIME_DIR", runtime));
        var data = kind == Gateway.Private ? Path.Combine(apart, "data") : gateway.DataPath;
        await SecretAsync(gateway, "own", "mine");
        await SecretAsync(gateway, "others", OtherSecret);
        await DeployAsync(gateway, "other", "sh -c 'cat $secret_mount_path/others > left; cat left'", "others");
        var hostile = Hostile.Replace("DATA", data, StringComparison.Ordinal)
            .Replace("SECRETS", Path.Combine(Path.GetDirectoryName(gateway.DataPath)!, "secrets"), StringComparison.Ordinal)
            .Replace("GATEWAY", $"{gateway.Process.Process.Id}", StringComparison.Ordinal)
            .Replace("RUNTIME", runtime, StringComparison.Ordinal)
            .Replace("WRITTEN", written, StringComparison.Ordinal);
        await DeployAsync(gateway, "hostile", hostile, "own");

        using var other = await gateway.PostAsync("/function/other", "");
        using var answer = await gateway.PostAsync("/function/hostile", "");
        var told = await answer.Content.ReadAsStringAsync();

        Assert.Equal(OtherSecret, await other.Content.ReadAsStringAsync());
        Assert.EndsWith($"minekept\n{Path.Combine(data, "work", "openfaas-fn", "hostile")}\n", told, StringComparison.Ordinal);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(data, "work", "openfaas-fn", "hostile")));
        var isolation = IsolationOf(gateway);
        var isWritten = File.Exists(written);
        File.Delete(written);
        if (isolation != "none")
        {
            Assert.False(isWritten);
            Assert.DoesNotContain(Socket, told, StringComparison.Ordinal);
            Assert.DoesNotContain(TestGateway.Password, told, StringComparison.Ordinal);
            Assert.DoesNotContain(Canary, told, StringComparison.Ordinal);
            Assert.DoesNotContain("dotnet-diagnostic-", told.Replace("cannot access '/tmp/dotnet-diagnostic-", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        if (isolation == "namespaces")
        {
            Assert.DoesNotContain(OtherSecret, told, StringComparison.Ordinal);
        }

        await gateway.Process.TerminateAsync();
        Directory.Delete(apart, recursive: true);
        Directory.Delete(runtime, recursive: true);
    }

    [Theory]
    [InlineData(Gateway.Plain)]
    [InlineData(Gateway.Ordinary)]
    public async Task What_clears_its_environment_and_detaches_ends_with_its_call(Gateway kind)
    {
        var mark = Processes.Mark();
        await using var gateway = await StartAsync(kind);
        var detach = $"(env -i setsid sh -c \"trap : TERM; sleep {mark}; sleep {mark}\" &)";
        await gateway.DeployAsync("detaches", $"sh -c '{detach}; echo done'");
        await gateway.DeployAsync("stays", $"sh -c '{detach}; sleep {mark}'", environment: new { exec_timeout = "1s" });

        using var done = await gateway.PostAsync("/function/detaches", "");
        using var ended = await gateway.PostAsync("/function/stays", "");

        Assert.Equal("done\n", await done.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.RequestTimeout, ended.StatusCode);
        if (IsolationOf(gateway) == "namespaces")
        {
            await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
        }
    }

    [Fact]
    public async Task Whoever_holds_a_staying_functions_output_open_keeps_neither_the_next_process_nor_the_end_waiting()
    {
        await using var gateway = await StartAsync(Gateway.Plain, null, ("function_isolation", "none"));

        // It ends with the directory that it was started in, or by itself.
        const string Detached = "(env -i setsid timeout 600 sh -c \"while test -e here; do sleep 0.2; done\" &)";
        await gateway.DeployAsync("mortal", $"sh -c 'touch here; {Detached}; exec \"$@\"' function {HttpFunction.Command}", environment: new { mode = "http" });
        await gateway.DeployAsync("deleted", $"sh -c 'touch here; {Detached}; exec \"$@\"' function {HttpFunction.Command}", environment: new { mode = "http" });
        using var first = await gateway.PostAsync("/function/mortal/born", "");
        using var other = await gateway.PostAsync("/function/deleted/born", "");
        var born = await first.Content.ReadAsStringAsync();

        using var died = await gateway.PostAsync("/function/mortal/die", "");
        await Eventually.HoldsAsync(
            async () =>
            {
                using var next = await gateway.PostAsync("/function/mortal/born", "");
                return next.IsSuccessStatusCode && await next.Content.ReadAsStringAsync() != born;
            },
            "another process answers");
        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "deleted" }, HttpStatusCode.Accepted);

        Assert.Equal(0, await gateway.Process.TerminateAsync());
    }

    // Each has left the group of its call before that ends. The last can be found by nobody, and ends with the directory that it was started in, or by itself.
    [Theory]
    [InlineData("marked", "setsid sh -c \"touch up; sleep MARK; sleep MARK; sleep MARK; exec sleep MARK\"")]
    [InlineData("silent", "setsid sh -c \"touch up; sleep MARK; sleep MARK; sleep MARK; exec sleep MARK\" > /dev/null 2>&1")]
    [InlineData("hidden", "(env -i setsid timeout 600 sh -c \"touch up; while test -e up; do sleep 0.2; done\" MARK &)")]
    public async Task What_a_call_leaves_in_a_session_of_its_own_keeps_nobody_waiting_and_ends(string name, string leaves)
    {
        var mark = Processes.Mark();
        await using var gateway = await StartAsync(Gateway.Plain, null, ("function_isolation", "none"));
        await gateway.DeployAsync(name, $"sh -c '{leaves.Replace("MARK", mark, StringComparison.Ordinal)} & until test -e up; do sleep 0.02; done; cat; echo done >&2'");

        using var answer = await gateway.PostAsync($"/function/{name}", new string('x', 1_000_000));

        Assert.Equal(new string('x', 1_000_000) + "done\n", await answer.Content.ReadAsStringAsync());
        if (name == "hidden")
        {
            await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = name }, HttpStatusCode.Accepted);
        }

        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task However_many_calls_are_ended_at_once_the_gateway_answers()
    {
        const int Calls = 60;
        var mark = Processes.Mark();
        await using var gateway = await StartAsync(Gateway.Plain, null, ("function_isolation", "none"));
        await gateway.DeployAsync("late", $"sh -c 'setsid sleep {mark} & exec sleep {mark}'", environment: new { exec_timeout = "2s" });

        var calls = Task.WhenAll(Enumerable.Range(0, Calls).Select(_ => gateway.PostAsync("/function/late", "")));
        do
        {
            using var health = await gateway.SendAsync(HttpMethod.Get, "/healthz");
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        }
        while (!calls.IsCompleted);

        Assert.All(await calls, call => Assert.Equal(HttpStatusCode.RequestTimeout, call.StatusCode));
        await Eventually.HoldsAsync(() => Processes.With(mark) == 0, "no process is left");
    }

    [Fact]
    public async Task Even_as_the_gateways_own_user_a_function_does_not_read_its_environment()
    {
        await using var gateway = await StartAsync(Gateway.Ordinary, null, ("function_isolation", "none"));
        await gateway.DeployAsync("peeps", $"sh -c 'cat /proc/{gateway.Process.Process.Id}/environ; id -u'");

        using var answer = await gateway.PostAsync("/function/peeps", "");
        var told = await answer.Content.ReadAsStringAsync();

        // Root reads what it likes; it is left to run functions only where users cannot be mapped.
        Assert.True(told.EndsWith("\n0\n", StringComparison.Ordinal) || !told.Contains(Canary, StringComparison.Ordinal), told);
    }

    [Fact]
    public async Task What_was_deployed_by_an_older_gateway_is_handed_over()
    {
        await using var gateway = await StartAsync(Gateway.Plain);
        var folder = Directory.CreateDirectory(Path.Combine(gateway.DataPath, "work", "openfaas-fn", "old", "below"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "file"), "old ");
        Directory.CreateSymbolicLink(Path.Combine(folder.FullName, "link"), gateway.DataPath);
        var apart = Directory.CreateTempSubdirectory("apart-");
        await File.WriteAllTextAsync(Path.Combine(apart.FullName, "kept"), "");
        Directory.CreateSymbolicLink(Path.Combine(folder.FullName, "out"), apart.FullName);
        var owner = await OwnerAsync(Path.Combine(apart.FullName, "kept"));

        await gateway.DeployAsync("old", "sh -c 'echo new >> below/file; cat below/file; mkdir below/more'");
        using var answer = await gateway.PostAsync("/function/old", "");
        await gateway.SystemAsync(HttpMethod.Delete, "functions", new { functionName = "old" }, HttpStatusCode.Accepted);

        Assert.Equal("old new\n", await answer.Content.ReadAsStringAsync());
        Assert.False(Directory.Exists(Path.GetDirectoryName(folder.FullName)));
        Assert.True(Directory.Exists(Path.Combine(gateway.DataPath, "functions")));
        Assert.Equal(owner, await OwnerAsync(Path.Combine(apart.FullName, "kept")));
        apart.Delete(recursive: true);
    }

    private static async Task<string> OwnerAsync(string path)
    {
        await using var stat = ChildProcess.Start("stat", ["-c", "%u", path]);
        Assert.Equal(0, await stat.ExitAsync());
        return string.Concat(stat.Lines);
    }

    [Fact]
    public void Links_that_a_function_laid_in_its_directory_are_not_followed()
    {
        var home = Directory.CreateTempSubdirectory("links-");
        var (handler, own, outside) = (home.CreateSubdirectory("handler"), home.CreateSubdirectory("own"), home.CreateSubdirectory("outside"));
        File.WriteAllText(Path.Combine(handler.CreateSubdirectory("folder").FullName, "file"), "new");
        File.WriteAllText(Path.Combine(handler.FullName, "file"), "new");
        File.WriteAllText(Path.Combine(outside.FullName, "file"), "old");
        Directory.CreateSymbolicLink(Path.Combine(own.FullName, "folder"), outside.FullName);
        File.CreateSymbolicLink(Path.Combine(own.FullName, "file"), Path.Combine(outside.FullName, "file"));

        HandlerFiles.Find(handler.FullName, own.FullName, hidden: []).Copy(owner: null);

        Assert.Equal("old", File.ReadAllText(Path.Combine(outside.FullName, "file")));
        Assert.Equal("new", File.ReadAllText(Path.Combine(own.FullName, "file")));
        Assert.Equal("new", File.ReadAllText(Path.Combine(own.FullName, "folder", "file")));
        home.Delete(recursive: true);
    }

    [Fact]
    public async Task Variables_that_would_lead_the_gateways_own_tools_astray_reach_the_function_alone()
    {
        await using var gateway = await StartAsync(Gateway.Plain);
        var environment = new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = "/own", ["ENVIRONMENT"] = "test", ["LD_PRELOAD"] = "/no/such.so" };
        await gateway.DeployAsync("preloads", "sh -c 'echo $LD_LIBRARY_PATH $ENVIRONMENT'", environment: environment);

        using var answer = await gateway.PostAsync("/function/preloads", "");
        var told = await answer.Content.ReadAsStringAsync();

        // The loader complains once for each program that was told to load it: the function's own sh, and nothing before.
        Assert.EndsWith("/own test\n", told, StringComparison.Ordinal);
        Assert.Single(told.Split('\n'), line => line.Contains("such.so", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kind_that_does_not_work_here_is_refused()
    {
        var users = await AllowsUsersAsync();
        var kind = users || !Environment.IsPrivilegedProcess ? "user" : "namespaces";
        var through = users && Environment.IsPrivilegedProcess ? OrdinaryUser : [];

        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => TestGateway.StartThroughAsync(through, null, ("function_isolation", kind)));

        Assert.Contains("ended with 2", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"function_isolation: {kind}: ", refusal.Message, StringComparison.Ordinal);
    }

    private static string ProgramFolder => Environment.GetEnvironmentVariable("CONNECTORS_PROGRAMS") is { Length: > 0 } programs
        ? Path.Combine(programs, "Gateway")
        : Path.GetDirectoryName(ServiceProcess.Assembly("Gateway"))!;

    private static async Task<TestGateway> StartAsync(Gateway kind, string? data = null, params IEnumerable<(string, string)> more)
    {
        (string, string)[] options = [("CANARY", Canary), .. more, .. data is null ? Array.Empty<(string, string)>() : [("data_path", data)]];
        return await TestGateway.StartThroughAsync(kind == Gateway.Ordinary && Environment.IsPrivilegedProcess && await AllowsUsersAsync() ? OrdinaryUser : [], null, options);
    }

    private static async Task<bool> AllowsUsersAsync()
    {
        await using var trial = ChildProcess.Start(OrdinaryUser[0], [.. OrdinaryUser.Skip(1), "true"]);
        return await trial.ExitAsync() == 0;
    }

    private static Task<string> SecretAsync(TestGateway gateway, string name, string value) =>
        gateway.SystemAsync(HttpMethod.Post, "secrets", new { name, value }, HttpStatusCode.Accepted);

    private static Task<string> DeployAsync(TestGateway gateway, string name, string command, string secret) =>
        gateway.SystemAsync(HttpMethod.Post, "functions", new { service = name, envProcess = command, secrets = new[] { secret } }, HttpStatusCode.Accepted);

    /// <summary>What the gateway says that it does; if that is nothing, it has to warn.</summary>
    private static string IsolationOf(TestGateway gateway)
    {
        var lines = gateway.Process.Process.Lines;
        var kind = Kind().Match(lines.Single(line => line.Contains("Isolation chosen", StringComparison.Ordinal))).Groups[1].Value;
        Assert.Equal(kind == "none", lines.Any(line => line.Contains("Functions run as the gateway's user", StringComparison.Ordinal)));
        return kind;
    }

    [GeneratedRegex("\"isolation\":\"([a-z]+)\"")]
    private static partial Regex Kind();
}
