namespace Connectors.Provider.Isolation;

/// <summary>How far functions are kept from the gateway and from each other (docs/provider.md).</summary>
public enum FunctionIsolation
{
    /// <summary>The first of the others that works here.</summary>
    Auto,

    /// <summary>Each process sees its own files and processes only.</summary>
    Namespaces,

    /// <summary>All processes run as another user than the gateway; for a gateway that is root.</summary>
    User,

    /// <summary>As the gateway's own user.</summary>
    None,
}
