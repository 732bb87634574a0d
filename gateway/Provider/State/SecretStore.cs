using System.Collections.Concurrent;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.State;

/// <summary>Secrets of functions, one file each that only this user may read; and a folder for each function with the ones that it lists.</summary>
internal sealed class SecretStore(ProviderOptions options)
{
    private readonly string _root = options.Data.Secrets;
    private readonly string _mounts = options.Data.Mounts;
    private readonly ConcurrentDictionary<string, bool> _names = new();

    public void Load()
    {
        foreach (var path in StateFile.Collect(_root))
        {
            _names[Path.GetRelativePath(_root, path)] = true;
        }
    }

    public IReadOnlyList<string> List(string ns) =>
        [.. from key in _names.Keys where Path.GetDirectoryName(key) == ns orderby key select Path.GetFileName(key)];

    public bool Contains(string ns, string name) => _names.ContainsKey(Path.Combine(ns, name));

    public async Task WriteAsync(string ns, string name, ReadOnlyMemory<byte> value)
    {
        await StateFile.WriteAsync(Path.Combine(_root, ns, name), value);
        _names[Path.Combine(ns, name)] = true;
    }

    public void Delete(string ns, string name)
    {
        File.Delete(Path.Combine(_root, ns, name));
        _names.TryRemove(Path.Combine(ns, name), out _);
    }

    /// <summary>Brings a function's folder of secrets in line with what it lists. Returns the folder; null for a function without secrets.</summary>
    /// <param name="deployment">The function.</param>
    /// <param name="reader">Who its processes run as; null for our own user.</param>
    public async Task<string?> MountAsync(FunctionDeployment deployment, int? reader)
    {
        var folder = Path.Combine(_mounts, deployment.Namespace!, deployment.Service);
        var listed = deployment.Secrets ?? [];
        if (listed.Count > 0)
        {
            Directory.CreateDirectory(folder);
        }

        foreach (var name in listed.Where(name => Contains(deployment.Namespace!, name)))
        {
            await StateFile.WriteAsync(
                Path.Combine(folder, name), await File.ReadAllBytesAsync(Path.Combine(_root, deployment.Namespace!, name)), UnixFileMode.UserRead, reader);
        }

        // Last: where there is no room for the new ones, the function that is there keeps what it has.
        foreach (var old in Directory.Exists(folder) ? Directory.GetFiles(folder) : [])
        {
            if (!listed.Contains(Path.GetFileName(old)))
            {
                File.Delete(old);
            }
        }

        return listed.Count > 0 ? folder : null;
    }

    /// <summary>Functions that have a folder of secrets, deployed or not.</summary>
    public IEnumerable<FunctionName> Mounted() => DataFolder.FunctionsIn(_mounts);

    public void Unmount(FunctionName function)
    {
        var folder = Path.Combine(_mounts, function.Namespace, function.Name);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
