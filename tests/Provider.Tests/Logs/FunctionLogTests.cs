using System.Text;
using Connectors.Provider.Logs;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Tests.Logs;

public sealed class FunctionLogTests : IDisposable
{
    private static readonly LogQuery All = new(null, null, null, Follow: false);

    private readonly string _folder = Directory.CreateTempSubdirectory("logs-").FullName;
    private readonly FunctionLog _log;

    public FunctionLogTests() => _log = new FunctionLog(new FunctionName("fn", "ns"), Path.Combine(_folder, "fn.log"), TimeProvider.System);

    [Fact]
    public async Task A_full_log_is_rotated_and_keeps_the_latest_lines()
    {
        for (var i = 0; i < 200; i++)
        {
            _log.Write("1", Enumerable.Range(i * 100, 100).Select(n => $"{n} {new string('x', 400)}"));
        }

        var kept = await _log.ReadAsync(All, CancellationToken.None).Select(line => line.Text).ToListAsync();

        Assert.InRange(Directory.GetFiles(_folder).Sum(file => new FileInfo(file).Length), 1, 2_400_000);
        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        Assert.StartsWith("19999 ", kept[^1], StringComparison.Ordinal);
        Assert.Equal(kept.Count, kept.Distinct().Count());
    }

    // All of it is some megabytes.
    [Fact]
    public async Task A_full_log_is_not_read_into_memory_for_its_first_line()
    {
        Write(0, 6_000);

        var before = GC.GetAllocatedBytesForCurrentThread();
        await using var lines = _log.ReadAsync(All, CancellationToken.None).GetAsyncEnumerator();
        var first = lines.MoveNextAsync();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(await first);
        Assert.InRange(allocated, 0, 500_000);
    }

    [Fact]
    public async Task Who_follows_gets_each_line_once_though_the_log_is_rotated_while_it_is_read()
    {
        Write(0, 4_000);
        var kept = await _log.ReadAsync(All, CancellationToken.None).Select(line => line.Text).ToListAsync();
        await using var lines = _log.ReadAsync(All with { Follow = true }, CancellationToken.None).GetAsyncEnumerator();
        Assert.True(await lines.MoveNextAsync());
        var got = new List<string> { lines.Current.Text };

        Write(4_000, 9_000);
        while (!got[^1].StartsWith("8999 ", StringComparison.Ordinal))
        {
            Assert.True(await lines.MoveNextAsync());
            got.Add(lines.Current.Text);
        }

        Assert.Equal(kept, got.Take(kept.Count));
        Assert.Equal(kept.Count + 5_000, got.Distinct().Count());
        Assert.Equal(got.Distinct(), got);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2_500)]
    public async Task The_last_lines_are_those_of_both_files(int tail)
    {
        Write(0, 6_000);

        var kept = await _log.ReadAsync(All, CancellationToken.None).Select(line => line.Text).ToListAsync();
        var last = await _log.ReadAsync(All with { Tail = tail }, CancellationToken.None).Select(line => line.Text).ToListAsync();

        Assert.Equal(kept.TakeLast(tail), last);
    }

    [Fact]
    public async Task Half_a_line_that_a_killed_gateway_left_is_passed_over()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "fn.log"), "{\"name\":\"fn\",\"te\n\n");
        _log.Write("1", "whole");
        await File.AppendAllTextAsync(Path.Combine(_folder, "fn.log"), "{\"name\":");

        Assert.Equal("whole", Assert.Single(await _log.ReadAsync(All, CancellationToken.None).ToListAsync()).Text);
    }

    [Fact]
    public async Task A_deleted_log_takes_no_more_lines_and_keeps_no_reader()
    {
        _log.Write("1", "before");

        _log.Delete();
        _log.Write("1", "after");

        Assert.Empty(Directory.GetFiles(_folder));
        Assert.Empty(await _log.ReadAsync(All with { Follow = true }, CancellationToken.None).ToListAsync());
    }

    [Fact]
    public async Task A_line_without_an_end_is_cut_into_pieces()
    {
        using var endless = new MemoryStream(Encoding.ASCII.GetBytes(new string('y', 20_000) + "\nlast"));

        await LineReader.CopyAsync(endless, _log, "1", CancellationToken.None);
        var lines = await _log.ReadAsync(All, CancellationToken.None).Select(line => line.Text).ToListAsync();

        Assert.All(lines, line => Assert.InRange(line.Length, 1, 8 * 1024));
        Assert.Equal(20_000, lines.Where(line => line[0] == 'y').Sum(line => line.Length));
        Assert.Equal("last", lines[^1]);
    }

    [Fact]
    public void A_log_of_a_function_that_never_wrote_a_line_can_be_deleted()
    {
        using var log = new FunctionLog(new FunctionName("silent", "ns"), Path.Combine(_folder, "ns", "silent.log"), TimeProvider.System);

        log.Delete();

        Assert.False(Directory.Exists(Path.Combine(_folder, "ns")));
    }

    [Fact]
    public void A_log_on_a_full_disk_can_be_closed_and_deleted()
    {
        var path = Path.Combine(_folder, "full.log");
        File.CreateSymbolicLink(path, "/dev/full");
        using var log = new FunctionLog(new FunctionName("full", "ns"), path, TimeProvider.System);

        log.Write("1", "lost");
        log.Dispose();
        log.Write("1", "lost too");
        log.Delete();

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    private void Write(int from, int to)
    {
        foreach (var part in Enumerable.Range(from, to - from).Chunk(100))
        {
            _log.Write("1", part.Select(n => $"{n} {new string('x', 400)}"));
        }
    }

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
