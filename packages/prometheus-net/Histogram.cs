namespace Prometheus;

/// <summary>Counts observations in buckets. Safe on any thread; a collection in between may see an observation in its bucket and not yet in the sum.</summary>
public sealed class Histogram : Collector<Histogram.Child>, IHistogram
{
    private static readonly double[] DefaultBuckets = [.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10];

    private readonly double[] _upperBounds;

    internal Histogram(string name, string help, string[] labelNames, bool suppressInitialValue, double[]? buckets)
        : base(name, help, labelNames, suppressInitialValue)
    {
        if (labelNames.Contains("le"))
        {
            throw new ArgumentException("The label 'le' is the histogram's own.");
        }

        _upperBounds = Closed(buckets ?? DefaultBuckets);
    }

    public double Sum => Unlabelled.Sum;

    public long Count => Unlabelled.Count;

    internal override string Type => "histogram";

    /// <summary><paramref name="count"/> bounds, each <paramref name="factor"/> times the one before.</summary>
    public static double[] ExponentialBuckets(double start, double factor, int count)
    {
        Require(count > 0, "count must be positive");
        Require(start > 0, "start must be positive");
        Require(factor > 1, "factor must be above 1");
        return Bounds(start, count, bound => bound * (decimal)factor);
    }

    /// <summary><paramref name="count"/> bounds, each <paramref name="width"/> above the one before.</summary>
    public static double[] LinearBuckets(double start, double width, int count)
    {
        Require(count > 0, "count must be positive");
        return Bounds(start, count, bound => bound + (decimal)width);
    }

    /// <summary>From 10 to the <paramref name="startPower"/> up to 10 to the <paramref name="endPower"/>, each power in <paramref name="divisions"/> equal
    /// parts: (0, 2, 4) gives 2.5, 5, 7.5, 10, 25, 50, 75, 100. What is not above the bound before it is left out.</summary>
    public static double[] PowersOfTenDividedBuckets(int startPower, int endPower, int divisions)
    {
        if (startPower >= endPower)
        {
            throw new ArgumentException("startPower must be below endPower.", nameof(startPower));
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisions);
        var bounds = new List<double>();
        for (var power = startPower; power < endPower; power++)
        {
            var top = (decimal)Math.Pow(10, power + 1);
            bounds.AddRange(Enumerable.Range(1, divisions).Select(part => (double)(top / divisions * part)).Where(bound => bounds.Count == 0 || bound > bounds[^1]).ToList());
        }

        return [.. bounds];
    }

    public void Observe(double val) => Unlabelled.Observe(val, 1);

    public void Observe(double val, long count) => Unlabelled.Observe(val, count);

    public void Publish() => Unlabelled.Publish();

    public void Unpublish() => Unlabelled.Unpublish();

    internal override Child NewChild(LabelValues labelValues, bool publish) => new(this, labelValues, publish);

    // Decimal, so that a bound of 0.3 is not exposed as 0.30000000000000004.
    private static double[] Bounds(double start, int count, Func<decimal, decimal> next)
    {
        var bounds = new double[count];
        var bound = (decimal)start;
        for (var i = 0; i < count; i++)
        {
            bounds[i] = (double)bound;
            bound = next(bound);
        }

        return bounds;
    }

    private static double[] Closed(double[] bounds)
    {
        Require(bounds.Length > 0, "a histogram needs a bucket");
        double[] closed = double.IsPositiveInfinity(bounds[^1]) ? bounds : [.. bounds, double.PositiveInfinity];
        for (var i = 1; i < closed.Length; i++)
        {
            Require(closed[i] > closed[i - 1], "buckets must rise");
        }

        return closed;
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new ArgumentException(what);
        }
    }

    public sealed class Child : ChildBase, IHistogram
    {
        private readonly double[] _upperBounds;
        private readonly string[] _bucketLabels;
        private readonly long[] _counts;
        private AtomicDouble _sum;

        internal Child(Histogram parent, LabelValues labelValues, bool publish)
            : base(parent, labelValues, publish)
        {
            _upperBounds = parent._upperBounds;
            _bucketLabels = [.. _upperBounds.Select(bound => LabelValues.With(Labels, "le", Exposition.Number(bound)))];
            _counts = new long[_upperBounds.Length];
        }

        public double Sum => _sum.Value;

        public long Count
        {
            get
            {
                var total = 0L;
                for (var i = 0; i < _counts.Length; i++)
                {
                    total += Interlocked.Read(in _counts[i]);
                }

                return total;
            }
        }

        public void Observe(double val) => Observe(val, 1);

        public void Observe(double val, long count)
        {
            if (double.IsNaN(val))
            {
                return;
            }

            var bucket = 0;
            while (val > _upperBounds[bucket])
            {
                bucket++;
            }

            Interlocked.Add(ref _counts[bucket], count);
            _sum.Add(val * count);
            Publish();
        }

        internal override void Write(Exposition text, string name)
        {
            text.Sample(name + "_sum", Labels, Sum);
            var upTo = new long[_counts.Length];
            for (var i = 0; i < _counts.Length; i++)
            {
                upTo[i] = (i == 0 ? 0 : upTo[i - 1]) + Interlocked.Read(in _counts[i]);
            }

            text.Sample(name + "_count", Labels, upTo[^1]);
            for (var i = 0; i < upTo.Length; i++)
            {
                text.Sample(name + "_bucket", _bucketLabels[i], upTo[i]);
            }
        }
    }
}
