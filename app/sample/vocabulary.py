"""What the sample shop sells: twenty collections, the kinds of things in them, and the words that describe them.

Prices are in cents, weights in grams; both are ranges that real shops of this sort ask and ship.
"""

from dataclasses import dataclass

COLOURS: dict[str, str] = {
    "Navy": "#27406b",
    "Forest": "#2f5d45",
    "Rust": "#b2542f",
    "Oat": "#d9c7a3",
    "Charcoal": "#43484d",
    "Sky": "#7fabcf",
    "Rose": "#cf8a93",
    "Mustard": "#d3a032",
    "Sage": "#94a98a",
    "Plum": "#6f4162",
    "Ivory": "#efe8d8",
    "Teal": "#2c7a7d",
    "Terracotta": "#c4714f",
    "Slate": "#66788a",
    "Moss": "#76803c",
    "Brick": "#99403a",
}

SERIES: tuple[str, ...] = (
    "Ashdown", "Birch", "Calder", "Dunmore", "Elm", "Fairlight", "Garrick", "Harrow", "Inver", "Juniper",
    "Kestrel", "Larch", "Marlow", "Northam", "Orford", "Penrith", "Quill", "Rowan", "Skye", "Thorne",
    "Ullswater", "Vale", "Wren", "Yarrow", "Alder", "Bramble", "Cove", "Dale", "Ember", "Fen",
    "Glen", "Heather", "Isla", "Jura", "Kelso", "Linden", "Mere", "Nairn", "Oban", "Pike",
    "Ridley", "Selkirk", "Tarn", "Umber", "Whitby", "Arden", "Blyth", "Coniston", "Derwent", "Eskdale",
    "Fulmar", "Grasmere", "Hazel", "Keswick",
)  # fmt: skip

VENDORS: tuple[str, ...] = (
    "Hollin & Daughters", "Northway Workshop", "Petit Atelier Rhône", "Saltmarsh Supply", "Studio Nørr",
    "Weaver Street", "Coldwater Co.", "Fieldnote Makers", "Casa Olmo", "Müller & Söhne", "Green Lane", "Ostrava Works",
)  # fmt: skip

APPAREL_SIZES = ("XS", "S", "M", "L", "XL")
SHOE_SIZES = ("37", "38", "39", "40", "41", "42", "43", "44")


@dataclass(frozen=True)
class Kind:
    """One kind of product: how it looks, what it costs, and what can be said about it."""

    name: str
    shape: str
    price: tuple[int, int]
    weight: tuple[int, int]
    materials: tuple[str, ...]
    purpose: tuple[str, str]
    features: tuple[str, ...]
    care: str
    sizes: tuple[str, ...] = ()
    size_name: str = "Size"
    coloured: bool = True


WEAR = ("Cut with room to move", "Seams finished by hand", "Softens with every wash", "Pre-washed, so it keeps its size",
        "Buttons of corozo nut", "Tested for a thousand wears")  # fmt: skip
HARD = ("Made in small batches", "Every piece checked by hand", "Spare parts kept for ten years",
        "Packed without plastic", "Two-year guarantee")  # fmt: skip
SOFT = ("Woven on old looms", "Dyed without heavy metals", "Edges double-stitched", "Oeko-Tex certified yarn",
        "Made in a family mill")  # fmt: skip
EATEN = ("Roasted or picked to order", "Traceable to one grower", "Resealable, compostable bag",
         "Best within three months", "Paid above fair-trade price")  # fmt: skip

COOL_WASH = "Wash at 30 °C with like colours, dry flat, iron while still damp."
WIPE = "Wipe with a damp cloth; no strong cleaner needed."
DISHWASHER = "Safe in the dishwasher and the microwave."
HAND_WASH = "Wash by hand and dry at once; a drop of oil keeps it like new."

COLLECTIONS: dict[str, tuple[Kind, ...]] = {
    "Shirts & Tops": (
        Kind("T-Shirt", "tee", (2400, 4500), (150, 220), ("Organic Cotton", "Linen Blend", "Pima Cotton"),
             ("for long days in the sun", "under a jacket"), WEAR, COOL_WASH, APPAREL_SIZES),
        Kind("Overshirt", "shirt", (6900, 11900), (320, 480), ("Flannel", "Corduroy", "Brushed Twill"),
             ("as a shirt or a light jacket", "for cool evenings"), WEAR, COOL_WASH, APPAREL_SIZES),
    ),
    "Knitwear": (
        Kind("Jumper", "jumper", (7900, 14900), (380, 620), ("Lambswool", "Merino", "Recycled Wool"),
             ("for the first frost", "by an open fire"), WEAR, "Wash cold by hand, press out in a towel, dry flat.",
             APPAREL_SIZES),
        Kind("Cardigan", "cardigan", (8900, 15900), (400, 650), ("Lambswool", "Alpaca", "Cotton Knit"),
             ("for a draughty office", "over a summer dress"), WEAR, "Wash cold by hand, press out in a towel, dry flat.",
             APPAREL_SIZES),
    ),
    "Outerwear": (
        Kind("Rain Jacket", "jacket", (11900, 21900), (450, 700), ("Waxed Cotton", "Recycled Nylon"),
             ("for weather that cannot make up its mind", "on the way to work"), WEAR, "Sponge clean; rewax once a year.",
             APPAREL_SIZES),
        Kind("Gilet", "gilet", (8900, 13900), (300, 450), ("Quilted Down", "Fleece", "Waxed Cotton"),
             ("between seasons", "on the early train"), WEAR, COOL_WASH, APPAREL_SIZES),
    ),
    "Trousers": (
        Kind("Chinos", "trousers", (6900, 10900), (420, 560), ("Cotton Twill", "Stretch Cotton", "Linen"),
             ("from desk to dinner", "for warm days"), WEAR, COOL_WASH, APPAREL_SIZES),
        Kind("Shorts", "shorts", (4500, 6900), (240, 330), ("Cotton Twill", "Linen", "Seersucker"),
             ("for the coast path", "in high summer"), WEAR, COOL_WASH, APPAREL_SIZES),
    ),
    "Dresses & Skirts": (
        Kind("Dress", "dress", (7900, 14900), (280, 420), ("Linen", "Viscose Crêpe", "Organic Cotton"),
             ("for garden parties", "with boots in autumn"), WEAR, COOL_WASH, APPAREL_SIZES),
        Kind("Skirt", "skirt", (5900, 9900), (220, 360), ("Corduroy", "Linen", "Wool Twill"),
             ("for everyday", "with a favourite jumper"), WEAR, COOL_WASH, APPAREL_SIZES),
    ),
    "Shoes & Boots": (
        Kind("Trainers", "trainer", (8900, 14900), (620, 820), ("Suede", "Canvas", "Full-Grain Leather"),
             ("for city miles", "for travelling light"), HARD, "Brush dry dirt off; resole when the time comes.", SHOE_SIZES),
        Kind("Boots", "boot", (13900, 22900), (1050, 1500), ("Nubuck", "Oiled Leather", "Suede"),
             ("for wet fields", "for winter streets"), HARD, "Feed the leather twice a year.", SHOE_SIZES),
    ),
    "Bags": (
        Kind("Backpack", "backpack", (7900, 16900), (700, 1200), ("Waxed Canvas", "Recycled Nylon", "Cordura"),
             ("for a laptop and a picnic", "for two nights away"), HARD, WIPE),
        Kind("Tote", "tote", (2900, 8900), (250, 500), ("Canvas", "Jute", "Leather"),
             ("for the market", "for books and beach towels"), HARD, WIPE),
    ),
    "Hats & Scarves": (
        Kind("Beanie", "beanie", (2400, 3900), (70, 110), ("Merino", "Lambswool", "Cashmere Blend"),
             ("for cold ears", "for winter walks"), SOFT, "Wash cold by hand, dry flat."),
        Kind("Scarf", "scarf", (3500, 7900), (140, 260), ("Lambswool", "Silk Blend", "Alpaca"),
             ("against a north wind", "for chilly platforms"), SOFT, "Wash cold by hand, dry flat."),
    ),
    "Watches": (
        Kind("Watch", "watch", (9900, 24900), (60, 110), ("Steel", "Brass", "Titanium"),
             ("for people who are on time", "for every day of the week"), HARD, "Water-resistant to 5 atm.",
             ("36 mm", "40 mm"), "Case"),
    ),
    "Tableware": (
        Kind("Mug", "mug", (1400, 2800), (320, 450), ("Stoneware", "Porcelain", "Enamel"),
             ("for the first coffee of the day", "for tea in bed"), HARD, DISHWASHER),
        Kind("Bowl", "bowl", (1800, 3900), (420, 800), ("Stoneware", "Olive Wood", "Porcelain"),
             ("for soup and for cereal", "for sharing"), HARD, DISHWASHER, ("Small", "Large")),
    ),
    "Cookware": (
        Kind("Saucepan", "saucepan", (5900, 12900), (1200, 2200), ("Copper", "Stainless Steel", "Enamelled Iron"),
             ("for sauces that need patience", "for every hob"), HARD, HAND_WASH, ("16 cm", "20 cm", "24 cm"), "Diameter"),
        Kind("Frying Pan", "pan", (4900, 9900), (1300, 2400), ("Cast Iron", "Carbon Steel", "Stainless Steel"),
             ("for a good crust", "from hob to oven"), HARD, HAND_WASH, ("20 cm", "26 cm"), "Diameter", coloured=False),
    ),
    "Coffee & Tea": (
        Kind("Coffee", "pouch", (850, 1600), (250, 250), ("Arabica", "Washed", "Natural"),
             ("for filter", "for espresso"), EATEN, "Keep cool, dry and closed.", ("Whole bean", "Filter", "Espresso"),
             "Grind", coloured=False),
        Kind("Tea", "tin", (900, 1900), (100, 125), ("Black", "Green", "Rooibos", "Herbal"),
             ("for slow afternoons", "after supper"), EATEN, "Keep cool, dry and closed.", ("75 g", "125 g"), "Weight",
             coloured=False),
    ),
    "Lighting": (
        Kind("Table Lamp", "lamp", (6900, 14900), (1500, 2600), ("Ceramic", "Brass", "Turned Oak"),
             ("for reading", "for a dark corner"), HARD, WIPE),
        Kind("Pendant", "pendant", (7900, 18900), (1100, 2400), ("Spun Steel", "Linen", "Blown Glass"),
             ("over the kitchen table", "for high ceilings"), HARD, WIPE),
    ),
    "Cushions & Throws": (
        Kind("Cushion", "cushion", (2900, 5900), (450, 700), ("Linen", "Velvet", "Wool Bouclé"),
             ("for the good chair", "for reading corners"), SOFT, COOL_WASH),
        Kind("Throw", "blanket", (6900, 14900), (900, 1400), ("Lambswool", "Mohair", "Recycled Cotton"),
             ("for the sofa", "for late nights outside"), SOFT, "Air often, wash seldom, cold."),
    ),
    "Bath & Bed": (
        Kind("Towel", "towel", (1800, 4200), (400, 700), ("Cotton Terry", "Waffle Cotton", "Linen"),
             ("for after the swim", "for the guest room"), SOFT, "Wash at 60 °C.", ("Hand", "Bath")),
        Kind("Duvet Set", "bed", (8900, 18900), (1500, 2600), ("Percale", "Washed Linen", "Flannel"),
             ("for ten more minutes", "for hot nights"), SOFT, "Wash at 60 °C.", ("Single", "Double", "King")),
    ),
    "Furniture": (
        Kind("Chair", "chair", (14900, 34900), (4500, 7500), ("Oak", "Ash", "Beech"),
             ("for long dinners", "for the hall"), HARD, WIPE),
        Kind("Side Table", "table", (11900, 24900), (4000, 9000), ("Oak", "Walnut", "Powder-Coated Steel"),
             ("for a lamp and a book", "beside the bed"), HARD, WIPE),
    ),
    "Candles & Scents": (
        Kind("Candle", "candle", (1900, 4200), (260, 420), ("Soy Wax", "Beeswax", "Rapeseed Wax"),
             ("for the bath", "for long evenings"), HARD, "Trim the wick to 5 mm; never leave a flame alone.",
             ("180 g", "300 g"), "Weight"),
        Kind("Diffuser", "diffuser", (2900, 5200), (380, 520), ("Cedar", "Fig", "Sea Salt", "Bergamot"),
             ("for the hall", "for small rooms"), HARD, "Turn the reeds once a week."),
    ),
    "Stationery": (
        Kind("Notebook", "notebook", (900, 2400), (180, 420), ("Cloth-Bound", "Recycled", "Stitched"),
             ("for plans and for doodles", "for a year of meetings"), HARD, "Opens flat; 100 g paper takes ink well.",
             ("A5", "A4"), "Format"),
        Kind("Pen", "pen", (1200, 5900), (18, 40), ("Brass", "Aluminium", "Resin"),
             ("for signatures", "for daily pages"), HARD, "Takes standard refills."),
    ),
    "Camping": (
        Kind("Tent", "tent", (17900, 38900), (1900, 3400), ("Ripstop", "Polycotton"),
             ("for two and a dog", "for windy passes"), HARD, "Dry fully before it is packed away.",
             ("2 persons", "3 persons"), "Berths"),
        Kind("Flask", "flask", (2400, 4500), (280, 420), ("Steel", "Enamelled Steel"),
             ("for tea on the summit", "for the commute"), HARD, HAND_WASH, ("500 ml", "750 ml"), "Volume"),
    ),
    "Garden": (
        Kind("Planter", "planter", (1900, 6900), (900, 3200), ("Terracotta", "Glazed Stoneware", "Zinc"),
             ("for herbs by the door", "for a fig tree"), HARD, "Frost-proof to −10 °C.", ("Small", "Medium", "Large")),
        Kind("Watering Can", "can", (2900, 5400), (700, 1300), ("Galvanised Steel", "Enamelled Steel"),
             ("for seedlings", "for balconies"), HARD, WIPE),
    ),
}  # fmt: skip
