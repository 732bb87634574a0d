using System.Text;
using Connectors.Provider.Contracts;
using Connectors.Provider.State;

namespace Connectors.Provider.Tests.State;

/// <summary>Files of the provider, which are written beside their place first: what lies there for a moment is nobody's file.</summary>
public sealed class SecretStoreTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("state-").FullName;
    private readonly SecretStore _store;

    public SecretStoreTests() => _store = new SecretStore(Options.Of(_data));

    [Theory]
    [InlineData("token", "token.new")]
    [InlineData("token", "token.tmp")]
    [InlineData("token", "token.unfinished")]
    [InlineData("db", "db.1")]
    public async Task Two_secrets_are_two_whatever_they_are_called(string name, string other)
    {
        await _store.WriteAsync("ns", other, "NEW"u8.ToArray());
        await _store.WriteAsync("ns", name, "OLD"u8.ToArray());

        var folder = await _store.MountAsync(new FunctionDeployment { Service = "fn", Namespace = "ns", Secrets = [other, name] }, reader: null);
        var again = new SecretStore(Options.Of(_data));
        again.Load();

        Assert.Equal("NEW", await File.ReadAllTextAsync(Path.Combine(folder!, other)));
        Assert.Equal("OLD", await File.ReadAllTextAsync(Path.Combine(folder!, name)));
        Assert.Equal([name, other], again.List("ns"));
    }

    [Fact]
    public async Task A_secret_that_cannot_be_mounted_takes_none_from_the_function_that_is_there()
    {
        await _store.WriteAsync("ns", "old", "OLD"u8.ToArray());
        await _store.WriteAsync("ns", "new", "NEW"u8.ToArray());
        var folder = await _store.MountAsync(Listing("old"), reader: null);
        Directory.CreateDirectory(Path.Combine(folder!, "new"));

        await Assert.ThrowsAnyAsync<SystemException>(() => _store.MountAsync(Listing("new"), reader: null));

        Assert.Equal("OLD", await File.ReadAllTextAsync(Path.Combine(folder!, "old")));

        static FunctionDeployment Listing(string secret) => new() { Service = "fn", Namespace = "ns", Secrets = [secret] };
    }

    [Fact]
    public async Task The_longest_name_that_is_allowed_can_be_written()
    {
        var name = new string('x', 253);

        await _store.WriteAsync("ns", name, "v"u8.ToArray());

        Assert.Equal([name], _store.List("ns"));
    }

    [Fact]
    public async Task Writes_of_one_file_at_the_same_time_leave_one_of_them_whole()
    {
        var values = Enumerable.Range(0, 20).Select(i => new string((char)('a' + i), 5000)).ToList();

        await Task.WhenAll(values.Select(value => Task.Run(() => _store.WriteAsync("ns", "token", Encoding.ASCII.GetBytes(value)))));

        Assert.Contains(await File.ReadAllTextAsync(Path.Combine(_data, "secrets", "ns", "token")), values);
        Assert.Equal(["token"], Directory.GetFiles(Path.Combine(_data, "secrets", "ns")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task What_a_kill_left_half_written_is_removed_at_the_next_start()
    {
        await _store.WriteAsync("ns", "token", "v"u8.ToArray());
        await File.WriteAllTextAsync(Path.Combine(_data, "secrets", "ns", ".unfinished-0123"), "half");
        var again = new SecretStore(Options.Of(_data));

        again.Load();

        Assert.Equal(["token"], again.List("ns"));
        Assert.Equal(["token"], Directory.GetFiles(Path.Combine(_data, "secrets", "ns")).Select(Path.GetFileName));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
